"""The tags of an artifact through the management API."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Repository
from app.context import Context
from tests.integration.conftest import Caller
from tests.support.blobs import digest_of
from tests.support.immutability import make_rule
from tests.support.manifests import index, push_image, push_manifest, put

ARTIFACTS = "/projects/private/repositories/app/artifacts"
TAGS = f"{ARTIFACTS}/1/tags"
NAME = "private/app"


@pytest.fixture
def manifest(registry: httpx.Client) -> bytes:
    """An image with the tag ``1``, beside another with the tag ``other``."""
    push_image(registry, NAME, "other", seed=1)
    return push_image(registry, NAME, "1")


def names(admin: httpx.Client, place: str = TAGS) -> list[str]:
    return [tag["name"] for tag in admin.get(f"{place}?page_size=0").json()]


def listed(ctx: Context) -> int:
    with ctx.read() as session:
        statement = sa.select(Repository.artifact_count).where(Repository.name == NAME)
        return int(session.execute(statement).scalar_one())


def test_a_tag_is_made_listed_and_deleted(admin: httpx.Client, registry: httpx.Client, manifest: bytes) -> None:
    digest = digest_of(manifest)
    made = admin.post(f"{ARTIFACTS}/{digest}/tags", json={"name": "v1"})
    assert (made.status_code, made.content) == (201, b"")
    assert made.headers["Location"] == f"/api/v2.0{ARTIFACTS}/{digest}/tags/v1"
    assert registry.get(f"/v2/{NAME}/manifests/v1").headers["Docker-Content-Digest"] == digest
    answer = admin.get(TAGS)
    assert answer.headers["X-Total-Count"] == "2"
    first, second = answer.json()
    artifact = admin.get(f"{ARTIFACTS}/1").json()
    assert (first["name"], second["name"]) == ("v1", "1")
    assert first == {
        "id": first["id"],
        "repository_id": artifact["repository_id"],
        "artifact_id": artifact["id"],
        "name": "v1",
        "push_time": first["push_time"],
        "pull_time": first["pull_time"],
        "immutable": False,
    }
    assert admin.delete(f"{TAGS}/v1").status_code == 200
    assert names(admin) == ["1"]
    assert registry.get(f"/v2/{NAME}/manifests/v1").status_code == 404
    assert registry.get(f"/v2/{NAME}/manifests/{digest}").status_code == 200


def test_the_place_of_a_tag_in_a_name_with_slashes(admin: httpx.Client, registry: httpx.Client) -> None:
    push_image(registry, "private/a/b", "1")
    made = admin.post("/projects/private/repositories/a%252Fb/artifacts/1/tags", json={"name": "2"})
    location = made.headers["Location"]
    assert location == "/api/v2.0/projects/private/repositories/a%252Fb/artifacts/1/tags/2"
    assert admin.delete(location.removeprefix("/api/v2.0")).status_code == 200


def test_tags_are_listed_by_page_filter_and_order(admin: httpx.Client, registry: httpx.Client, manifest: bytes) -> None:
    for tag in ("b2", "a10", "a2"):
        push_manifest(registry, NAME, manifest, tag)
    for query, expected in (
        ("", ["a2", "a10", "b2", "1"]),
        ("sort=name", ["1", "a10", "a2", "b2"]),
        ("sort=push_time", ["1", "b2", "a10", "a2"]),
        ("q=name=~a", ["a2", "a10"]),
        ("q=name=a2", ["a2"]),
        ("q=nothing=1", ["a2", "a10", "b2", "1"]),
        ("page=2&page_size=3", ["1"]),
    ):
        assert [tag["name"] for tag in admin.get(f"{TAGS}?{query}").json()] == expected, query
    assert admin.get(f"{TAGS}?q=push_time=a").status_code == 400
    assert admin.get(f"{TAGS}?page_size=101").status_code == 422


def test_the_name_is_free_in_the_repository(admin: httpx.Client, registry: httpx.Client, manifest: bytes) -> None:
    for name in ("1", "other"):
        answer = admin.post(TAGS, json={"name": name})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "CONFLICT")
    push_image(registry, "private/b", "elsewhere")
    assert admin.post(TAGS, json={"name": "elsewhere"}).status_code == 201


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("manifest")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": ""}, 400),
        ({"name": "-a"}, 400),
        ({"name": "a/b"}, 400),
        ({"name": "a" * 129}, 400),
        ({"name": "sha256:" + "a" * 64}, 400),
        ({"name": "é"}, 400),
        ({"name": "a\0"}, 422),
        ({"name": 3}, 422),
        ({"name": None}, 422),
        ({}, 422),
        ([], 422),
    ],
)
def test_a_name_that_is_no_tag_is_refused(admin: httpx.Client, body: object, status: int) -> None:
    assert admin.post(TAGS, json=body).status_code == status
    assert names(admin) == ["1"]


@pytest.mark.usefixtures("manifest")
def test_what_is_not_there_is_404(admin: httpx.Client) -> None:
    for place in (f"{ARTIFACTS}/none/tags", "/projects/private/repositories/none/artifacts/1/tags"):
        assert admin.get(place).status_code == 404
        assert admin.post(place, json={"name": "v1"}).status_code == 404
        assert admin.delete(f"{place}/1").status_code == 404
    assert admin.delete(f"{TAGS}/none").status_code == 404
    assert admin.delete(f"{TAGS}/other").status_code == 404, "the tag of another artifact"
    assert admin.delete(f"{ARTIFACTS}/other/tags/other").status_code == 200


def test_a_child_of_an_index_counts_while_it_has_a_tag(
    admin: httpx.Client, registry: httpx.Client, manifest: bytes, ctx: Context
) -> None:
    child = push_image(registry, NAME, seed=2)
    push_manifest(registry, NAME, index(child), "index")
    assert listed(ctx) == 3
    place = f"{ARTIFACTS}/{digest_of(child)}/tags"
    assert admin.post(place, json={"name": "child"}).status_code == 201
    assert listed(ctx) == 4 == int(admin.get(ARTIFACTS).headers["X-Total-Count"])
    assert admin.delete(f"{place}/child").status_code == 200
    assert listed(ctx) == 3 == int(admin.get(ARTIFACTS).headers["X-Total-Count"])
    assert manifest


def test_a_tag_alone_makes_no_accessory(admin: httpx.Client, registry: httpx.Client, manifest: bytes) -> None:
    name = digest_of(manifest).replace(":", "-") + ".sig"
    assert admin.post(f"{ARTIFACTS}/other/tags", json={"name": name}).status_code == 201
    assert admin.get(f"{ARTIFACTS}/1?with_accessory=true").json()["accessories"] is None
    assert admin.delete(f"{ARTIFACTS}/1").status_code == 200
    assert registry.get(f"/v2/{NAME}/manifests/{name}").status_code == 200


@pytest.mark.usefixtures("manifest")
def test_two_make_a_tag_at_once(admin: httpx.Client) -> None:
    places = [TAGS, f"{ARTIFACTS}/other/tags"] * 4
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda place: admin.post(place, json={"name": "v1"}).status_code, places))
    assert sorted(statuses) == [201, *[409] * 7]


@pytest.mark.usefixtures("manifest")
def test_a_rule_keeps_a_tag_and_marks_it(admin: httpx.Client) -> None:
    admin.post(TAGS, json={"name": "v1"}).raise_for_status()
    make_rule(admin)
    answer = admin.delete(f"{TAGS}/v1")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (412, "PRECONDITION")
    assert "tag v1 of private/app is configured as immutable, cannot be deleted" in answer.text
    assert admin.post(TAGS, json={"name": "v2"}).status_code == 201, "a new tag"
    for query, expected in (("", []), ("?with_immutable_status=true", ["v2", "v1"])):
        assert [tag["name"] for tag in admin.get(TAGS + query).json() if tag["immutable"]] == expected


def test_what_is_done_is_on_the_audit_log(
    admin: httpx.Client, caller: Caller, registry: httpx.Client, manifest: bytes
) -> None:
    assert caller("developer").post(TAGS, json={"name": "v1"}).status_code == 201
    assert caller("developer").delete(f"{TAGS}/v1").status_code == 403
    assert caller("maintainer").delete(f"{TAGS}/v1").status_code == 200
    shown = admin.get("/projects/private/logs?page_size=2").json()
    assert [(row["username"], row["operation"], row["resource_type"], row["resource"]) for row in shown] == [
        ("maintainer", "delete", "tag", f"{NAME}:v1"),
        ("developer", "create", "tag", f"{NAME}:v1"),
    ]
    assert put(registry, NAME, manifest, "v1").status_code == 201
