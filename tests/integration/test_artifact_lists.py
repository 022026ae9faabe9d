"""Lists of artifacts: of a repository, of a project, of everything that the caller may list."""

from urllib.parse import quote

import httpx
import pytest

from app.context import Ports
from app.db import pages
from tests.integration.conftest import AsRobot, Caller
from tests.support.blobs import content_of, digest_of, push
from tests.support.labels import make_label, put
from tests.support.manifests import EMPTY, artifact, image, index, push_image, push_manifest
from tests.support.queries import counted_statements
from tests.support.robots import entry, make_robot

PROJECT = "/projects/private/artifacts"
REPOSITORY = "/projects/private/repositories/app/artifacts"
EVERYWHERE = "/artifacts"
IMAGE = "application/vnd.oci.image.config.v1+json"


def q(terms: str) -> str:
    """The query parameter, escaped twice as clients do, because it is unescaped twice."""
    return "q=" + quote(quote(terms, safe=""), safe="")


def names(answer: httpx.Response) -> list[str]:
    """The tags of the artifacts, or their digests without a tag; the total is that of an only page."""
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    return [one["tags"][0]["name"] if one["tags"] else one["digest"] for one in shown]


def total(answer: httpx.Response) -> int:
    return int(answer.headers["X-Total-Count"])


@pytest.fixture
def stocked(registry: httpx.Client) -> None:
    """Images ``a1``, ``a2`` in one repository, ``b1`` in another of the project, ``c1`` in a public project."""
    for seed, (name, tag) in enumerate(
        (("private/a", "a1"), ("private/a", "a2"), ("private/b", "b1"), ("public/c", "c1"))
    ):
        push_image(registry, name, tag, seed=seed)


@pytest.mark.usefixtures("stocked")
def test_a_project_lists_the_artifacts_of_all_its_repositories(admin: httpx.Client) -> None:
    listed = admin.get(PROJECT)
    assert (names(listed), total(listed)) == (["b1", "a2", "a1"], 3)
    project_id = admin.get("/projects/private").json()["project_id"]
    assert names(admin.get(f"/projects/{project_id}/artifacts")) == ["b1", "a2", "a1"]
    by_name = admin.get(f"/projects/{project_id}/artifacts", headers={"X-Is-Resource-Name": "true"})
    assert by_name.status_code == 404
    assert listed.json()[0] == admin.get("/projects/private/repositories/b/artifacts").json()[0]


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (None, ["c1"]),
        ("stranger", ["c1"]),
        ("limited", ["c1", "b1", "a2", "a1"]),
        ("admin", ["c1", "b1", "a2", "a1"]),
    ],
)
def test_everything_is_what_the_caller_may_list(caller: Caller, who: str | None, expected: list[str]) -> None:
    listed = caller(who).get(EVERYWHERE)
    assert (names(listed), total(listed)) == (expected, len(expected))
    assert names(caller(who).get(f"{EVERYWHERE}?sort=push_time&page_size=2")) == expected[::-1][:2]
    filtered, of_a = caller(who).get(f"{EVERYWHERE}?{q('tags=~a')}"), [name for name in expected if name[0] == "a"]
    assert (names(filtered), total(filtered)) == (of_a, len(of_a))


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(
    ("namespace", "action", "expected"),
    [
        ("private", "list", ["c1", "b1", "a2", "a1"]),
        ("private", "read", ["c1"]),
        ("*", "list", ["c1", "b1", "a2", "a1"]),
    ],
)
def test_a_robot_lists_where_it_was_granted_to(
    admin: httpx.Client, as_robot: AsRobot, namespace: str, action: str, expected: list[str]
) -> None:
    robot = make_robot(admin, "lister", entry(namespace, f"artifact:{action}"))
    assert names(as_robot(robot).get(EVERYWHERE)) == expected


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("tags=a1", ["a1"]),
        ("tags=~A", ["a2", "a1"]),
        ("tags={a1 b1 c1}", ["b1", "a1"]),
        ("tags=nil", []),
        ("tags=*", ["b1", "a2", "a1"]),
        ("tags=~a,tags=~2", ["a2"]),
        ("repository_name=private/a", ["a2", "a1"]),
        ("repository_name=~E/B", ["b1"]),
        ("RepositoryName={private/b public/c}", ["b1"]),
        ("type=IMAGE", ["b1", "a2", "a1"]),
        ("type={CHART SBOM}", []),
        ("media_type=" + IMAGE, ["b1", "a2", "a1"]),
        ("artifact_type=~nothing", []),
        ("size=[1~]", ["b1", "a2", "a1"]),
        ("size=[~1]", []),
        ("size__gt=1", ["b1", "a2", "a1"]),
        ("push_time=[2020-01-01T00:00:00~2100-01-01T00:00:00]", ["b1", "a2", "a1"]),
        ("push_time=[~2020-01-01T00:00:00]", []),
        ("digest=~sha256:", ["b1", "a2", "a1"]),
        ("base=*", ["b1", "a2", "a1"]),
        ("unheard=of", ["b1", "a2", "a1"]),
    ],
)
def test_artifacts_of_a_project_are_found_by_query(admin: httpx.Client, terms: str, expected: list[str]) -> None:
    listed = admin.get(f"{PROJECT}?{q(terms)}")
    assert (names(listed), total(listed)) == (expected, len(expected))


def test_labels_and_digests_find_artifacts_of_a_project(admin: httpx.Client, registry: httpx.Client) -> None:
    manifests = [push_image(registry, "private/app", tag, seed=seed) for seed, tag in enumerate(("1", "2"))]
    label = make_label(admin, "good", "private")
    put(admin, f"{REPOSITORY}/1/labels", label)
    for place in (PROJECT, REPOSITORY, EVERYWHERE):
        labelled = admin.get(f"{place}?with_label=true&{q(f'labels=({label})')}")
        assert names(labelled) == ["1"]
        assert [one["name"] for one in labelled.json()[0]["labels"]] == ["good"]
        assert names(admin.get(f"{place}?{q('digest=' + digest_of(manifests[1]))}")) == ["2"]


@pytest.mark.parametrize("place", [PROJECT, REPOSITORY, EVERYWHERE])
@pytest.mark.parametrize(
    "terms",
    [
        "tags=[a~b]",
        "tags=(a b)",
        "tags__gt=a",
        "labels=1",
        "labels=(x)",
        "size=large",
        "size=[a~b]",
        "size=99999999999999999999",
        "push_time=yesterday",
        "push_time=[2020-13-45T00:00:00~]",
        "tags",
        "=x",
        "tags=",
        "tags={a",
        "tags__within=a",
        "type=\0",
        ",".join(f"tags=~{number}" for number in range(11)),
        ",".join("a=b" for _ in range(101)),
        f"labels=({' '.join(str(number) for number in range(51))})",
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    admin: httpx.Client, registry: httpx.Client, place: str, terms: str
) -> None:
    push_image(registry, "private/app", "1")
    refused = admin.get(f"{place}?{q(terms)}")
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("place", [PROJECT, REPOSITORY, EVERYWHERE])
@pytest.mark.parametrize(
    "terms",
    ["tags=~%", "tags=~_", "tags=~/", "tags=~'\"", "tags=\\~x", "tags={' OR 1=1}", "digest=~\\", "repository_name=~ü",
     "type=\U0001f600", "size=-1", "tags=" + "x" * 2000],
)  # fmt: skip
def test_a_strange_query_finds_nothing(admin: httpx.Client, registry: httpx.Client, place: str, terms: str) -> None:
    push_image(registry, "private/app", "1")
    listed = admin.get(f"{place}?{q(terms)}")
    assert (listed.status_code, listed.json(), total(listed)) == (200, [], 0)


def test_the_newest_of_each_repository(admin: httpx.Client, registry: httpx.Client) -> None:
    for seed, (name, tag) in enumerate((("private/a", "a1"), ("private/b", "b1"), ("private/a", "a2"))):
        push_image(registry, name, tag, seed=seed)
    push(registry, "private/b", EMPTY)
    push_manifest(registry, "private/b", artifact(), "thing")
    path = f"{PROJECT}?latest_in_repository=true"
    newest = admin.get(f"{path}&{q('media_type=' + IMAGE)}")
    assert (names(newest), total(newest)) == (["a2", "b1"], 2)
    assert names(admin.get(f"{path}&sort=push_time&page_size=1&{q('media_type=' + IMAGE)}")) == ["b1"]
    assert names(admin.get(f"{path}&{q('artifact_type=application/vnd.test.thing')}")) == ["thing"]
    assert names(admin.get(f"{path}&{q(f'media_type={IMAGE},tags=~1')}")) == ["b1", "a1"]
    put(admin, "/projects/private/repositories/a/artifacts/a1/labels", label := make_label(admin, "good"))
    assert names(admin.get(f"{path}&{q(f'media_type={IMAGE},labels=({label})')}")) == ["a1"]
    for terms in ("", "&" + q("type=IMAGE"), "&" + q(f"media_type={IMAGE},artifact_type={IMAGE}")):
        refused = admin.get(path + terms)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "BAD_REQUEST")
    assert names(admin.get(f"{PROJECT}?latest_in_repository=perhaps")) == ["thing", "a2", "b1", "a1"]


def test_a_page_far_beyond_the_end_is_empty(admin: httpx.Client, registry: httpx.Client) -> None:
    push_image(registry, "private/app", "1")
    for place in (PROJECT, REPOSITORY, EVERYWHERE, "/repositories", f"{REPOSITORY}/1/accessories"):
        for terms in ("", "&" + q("id=~"), "&sort=" + ",".join(["-id"] * 100)):
            far = admin.get(f"{place}?page=99999999999999999&page_size=100{terms}")
            assert (far.status_code, far.json()) == (200, []), far.text
            assert total(far) == total(admin.get(f"{place}?page_size=100{terms}"))
    assert admin.get(f"{PROJECT}?page_size=101").status_code == 422
    assert admin.get(f"{PROJECT}?sort=" + ",".join(["id"] * 101)).status_code == 400


def test_reports_that_are_not_there_are_left_out(admin: httpx.Client, registry: httpx.Client) -> None:
    push_image(registry, "private/app", "1")
    flags = "with_scan_overview=true&with_sbom_overview=true&with_immutable_status=true&with_inherited_accessory=true"
    for place in (PROJECT, REPOSITORY, EVERYWHERE):
        (plain,), (shown,) = admin.get(place).json(), admin.get(f"{place}?{flags}").json()
        assert shown == plain
        assert not {"scan_overview", "sbom_overview", "inherited_accessories"} & shown.keys()


def test_a_child_shows_what_is_attached_to_its_index(admin: httpx.Client, registry: httpx.Client) -> None:
    child = push_image(registry, "private/app")
    parent = index(child)
    push_manifest(registry, "private/app", parent, "all")
    push(registry, "private/app", EMPTY)
    of_parent, of_child = artifact(parent), artifact(child, "application/vnd.test.own")
    for attached in (of_parent, of_child):
        push_manifest(registry, "private/app", attached)
    flags = "with_accessory=true&with_inherited_accessory=true"
    shown = admin.get(f"{REPOSITORY}/{digest_of(child)}?{flags}").json()
    assert [one["digest"] for one in shown["accessories"]] == [digest_of(of_child)]
    (inherited,) = shown["inherited_accessories"]
    assert (inherited["digest"], inherited["subject_artifact_digest"]) == (digest_of(of_parent), digest_of(parent))
    by_digest = {one["digest"]: one for one in admin.get(f"{REPOSITORY}?{flags}&{q('base=*')}").json()}
    assert by_digest[digest_of(child)] == shown
    assert "inherited_accessories" not in by_digest[digest_of(parent)]
    assert "inherited_accessories" not in admin.get(f"{REPOSITORY}/{digest_of(child)}").json()


@pytest.mark.parametrize("bounds", [(2_000, 2_000, 100_000), (2, 3, 100_000), (0, 0, 4)])
@pytest.mark.parametrize(
    "sort", ["", "push_time", "-push_time", "size", "-digest", "type,-size", "-pull_time", "nothing"]
)
def test_pages_are_parts_of_the_whole(
    caller: Caller, registry: httpx.Client, monkeypatch: pytest.MonkeyPatch, bounds: tuple[int, ...], sort: str
) -> None:
    for seed in range(7):
        push_image(registry, f"private/{'ab'[seed % 2]}", f"t{seed}", seed=seed)
    for name, bound in zip(("FEW", "MOST_GATHERED", "MOST_COUNTED"), bounds, strict=True):
        monkeypatch.setattr(pages, name, bound)
    for who in ("admin", "guest"):
        client = caller(who)
        for path in (PROJECT, EVERYWHERE, "/projects/private/repositories/a/artifacts"):
            for terms in ("", "&" + q("tags=~t"), "&" + q("base=*")):
                whole = names(client.get(f"{path}?sort={sort}{terms}"))
                read, following = [], f"{path}?sort={sort}&page_size=2{terms}"
                while following:
                    answer = client.get(following.removeprefix("/api/v2.0"))
                    read += names(answer)
                    links = answer.headers.get("Link", "").split(" , ")
                    following = next((link[1 : link.index(">")] for link in links if 'rel="next"' in link), "")
                assert read == whole
                assert len(whole) == len(set(whole)) == (4 if path.endswith("a/artifacts") else 7)
                assert names(client.get(f"{path}?page=9&page_size=2{terms}")) == []


def test_a_page_costs_the_same_whatever_its_length(admin: httpx.Client, registry: httpx.Client, ports: Ports) -> None:
    flags = "with_label=true&with_accessory=true&with_inherited_accessory=true&page_size=50"
    push_image(registry, "private/app", "0")
    content = content_of(10)
    paths = [
        f"{place}?{flags}{terms}" for place in (PROJECT, REPOSITORY, EVERYWHERE) for terms in ("", "&" + q("tags=*"))
    ]

    def costs() -> list[int]:
        found = []
        for path in paths:
            with counted_statements(ports.db) as statements:
                assert admin.get(path).status_code == 200
            found.append(len(statements))
        return found

    costs()
    few = costs()
    push(registry, "private/app", content)
    for number in range(10):
        push_manifest(registry, "private/app", image(content, annotations={"n": str(number)}), f"t{number}")
    assert costs() == few
    assert max(few) <= 11
