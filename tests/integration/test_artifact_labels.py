"""Labels on artifacts and repositories: added, removed, shown and filtered by."""

from typing import Any

import httpx
import pytest

from app.artifacts.label_rows import MOST_LABELS
from app.artifacts.models import ArtifactLabel, RepositoryLabel
from app.context import Context, Ports
from tests.integration.conftest import AsRobot, Caller
from tests.support.blobs import digest_of
from tests.support.contents import count
from tests.support.labels import make_label, put
from tests.support.manifests import index, push_image, push_manifest
from tests.support.queries import counted_statements
from tests.support.robots import entry, make_robot

REPOSITORY = "/projects/private/repositories/app"
ARTIFACTS = f"{REPOSITORY}/artifacts"
LABELS = f"{ARTIFACTS}/1/labels"
PLACES = {"artifact": LABELS, "repository": f"{REPOSITORY}/labels"}
NAME = "private/app"
in_both = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())


@pytest.fixture
def image(registry: httpx.Client) -> str:
    """The digest of the image 1."""
    return digest_of(push_image(registry, NAME, "1"))


def shown(client: httpx.Client, path: str) -> list[str] | None:
    """The names of the labels of an artifact or repository; None when the answer says null or nothing."""
    answer = client.get(path, params={"with_label": "true"})
    assert answer.status_code == 200, answer.text
    labels: list[dict[str, Any]] | None = answer.json().get("labels")
    return None if labels is None else [label["name"] for label in labels]


@pytest.mark.usefixtures("image")
class TestEither:
    """What holds for the labels of artifacts and of repositories."""

    @in_both
    def test_a_label_is_added_and_removed(self, admin: httpx.Client, place: str) -> None:
        own, everywhere = make_label(admin, "own", "private"), make_label(admin, "everywhere")
        path = place.removesuffix("/labels")
        put(admin, place, everywhere, own)
        assert shown(admin, path) == ["own", "everywhere"]
        assert admin.delete(f"{place}/{own}").status_code == 200
        assert shown(admin, path) == ["everywhere"]
        assert admin.delete(f"{place}/{own}").status_code == 404
        put(admin, place, own)

    @in_both
    def test_the_same_label_again(self, admin: httpx.Client, place: str) -> None:
        label_id = make_label(admin, "stable")
        put(admin, place, label_id)
        assert admin.post(place, json={"id": label_id}).status_code == 409

    @in_both
    def test_a_label_of_another_project_does_not_exist(self, admin: httpx.Client, place: str) -> None:
        foreign = make_label(admin, "foreign", "public")
        for label_id in (foreign, 777, 0, -1):
            answer = admin.post(place, json={"id": label_id})
            assert (answer.status_code, answer.json()["errors"][0]["message"]) == (404, f"label {label_id} not found")
        assert admin.post(place, json={}).status_code == 404
        assert admin.delete(f"{place}/{foreign}").status_code == 404

    @in_both
    @pytest.mark.parametrize("body", [{"id": "1"}, {"id": 2**63}, {"id": True}, [1], None])
    def test_what_is_no_label_is_refused(self, admin: httpx.Client, place: str, body: object) -> None:
        assert admin.post(place, json=body).status_code == 422

    @in_both
    def test_there_are_at_most_fifty(self, admin: httpx.Client, place: str) -> None:
        put(admin, place, *(make_label(admin, str(number)) for number in range(MOST_LABELS)))
        answer = admin.post(place, json={"id": make_label(admin, "more")})
        assert (answer.status_code, "50 labels already" in answer.text) == (400, True)
        assert len(shown(admin, place.removesuffix("/labels")) or ()) == MOST_LABELS

    @in_both
    def test_a_deleted_label_is_taken_from_all(self, admin: httpx.Client, ctx: Context, place: str) -> None:
        gone, kept = make_label(admin, "gone"), make_label(admin, "kept")
        put(admin, place, gone, kept)
        assert admin.delete(f"/labels/{gone}").status_code == 200
        assert shown(admin, place.removesuffix("/labels")) == ["kept"]
        assert count(ctx, ArtifactLabel) + count(ctx, RepositoryLabel) == 1

    @in_both
    @pytest.mark.parametrize(("who", "status"), [("developer", 200), ("guest", 403), ("stranger", 403), (None, 401)])
    def test_developers_may(
        self, admin: httpx.Client, caller: Caller, place: str, who: str | None, status: int
    ) -> None:
        client, label_id, other = caller(who), make_label(admin, "stable"), make_label(admin, "other", "private")
        put(admin, place, other)
        assert client.post(place, json={"id": label_id}).status_code == status
        assert client.delete(f"{place}/{other}").status_code == status

    @in_both
    def test_robots_may_what_they_were_granted(self, admin: httpx.Client, as_robot: AsRobot, place: str) -> None:
        label_id = make_label(admin, "stable")
        robot = make_robot(admin, "ci", entry("private", "artifact-label:create"), level="project")
        put(as_robot(robot), place, label_id)
        assert as_robot(robot).delete(f"{place}/{label_id}").status_code == 403

    @in_both
    def test_what_does_not_exist_has_no_labels(self, admin: httpx.Client, place: str) -> None:
        label_id = make_label(admin, "stable")
        missing = place.replace("/app", "/none")
        assert admin.post(missing, json={"id": label_id}).status_code == 404
        assert admin.delete(f"{missing}/{label_id}").status_code == 404

    @in_both
    def test_it_goes_with_what_had_it(self, admin: httpx.Client, ctx: Context, place: str) -> None:
        put(admin, place, make_label(admin, "stable"))
        assert admin.delete(REPOSITORY).status_code == 200
        assert (count(ctx, ArtifactLabel), count(ctx, RepositoryLabel)) == (0, 0)


class TestArtifacts:
    """Labels of artifacts in lists."""

    def test_they_come_when_asked_for(self, admin: httpx.Client, image: str) -> None:
        label_id = make_label(admin, "stable", "private", description="d", color="#fff")
        put(admin, f"{ARTIFACTS}/{image}/labels", label_id)
        assert admin.get(f"{ARTIFACTS}/1").json()["labels"] is None
        (listed,) = admin.get(ARTIFACTS, params={"with_label": "true"}).json()
        assert listed["labels"] == [admin.get(f"/labels/{label_id}").json()]
        assert admin.get(f"{ARTIFACTS}/1", params={"with_label": "true"}).json() == listed

    def test_they_stay_when_the_image_is_pushed_again(
        self, admin: httpx.Client, registry: httpx.Client, image: str
    ) -> None:
        put(admin, LABELS, make_label(admin, "stable"))
        push_image(registry, NAME, "2")
        assert shown(admin, f"{ARTIFACTS}/2") == shown(admin, f"{ARTIFACTS}/{image}") == ["stable"]

    def test_they_go_with_the_artifact(self, admin: httpx.Client, ctx: Context, image: str) -> None:
        put(admin, LABELS, make_label(admin, "stable"))
        assert admin.delete(f"{ARTIFACTS}/{image}").status_code == 200
        assert count(ctx, ArtifactLabel) == 0

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [((), [2, 1, 0]), ((0,), [1, 0]), ((1,), [2, 1]), ((0, 1), [1]), ((1, 1), [2, 1]), ((0, 2), []), ((2,), [])],
    )
    def test_a_list_is_filtered_by_all_of_them(
        self, admin: httpx.Client, registry: httpx.Client, wanted: tuple[int, ...], expected: list[int]
    ) -> None:
        labels = [make_label(admin, name) for name in ("a", "b", "c")]
        digests = [digest_of(push_image(registry, NAME, str(seed), seed=seed)) for seed in range(3)]
        for seed, held in enumerate((labels[:1], labels[:2], labels[1:2])):
            put(admin, f"{ARTIFACTS}/{seed}/labels", *held)
        asked = " ".join(str(labels[at]) for at in wanted)
        answer = admin.get(ARTIFACTS, params={"q": f"labels=({asked})", "page_size": 2})
        assert [artifact["digest"] for artifact in answer.json()] == [digests[at] for at in expected][:2]
        assert answer.headers["X-Total-Count"] == str(len(expected))

    def test_a_filter_joins_other_filters(self, admin: httpx.Client, registry: httpx.Client) -> None:
        label_id = make_label(admin, "a")
        child = push_image(registry, NAME)
        push_manifest(registry, NAME, index(child), "1")
        put(admin, f"{ARTIFACTS}/{digest_of(child)}/labels", label_id)
        for more, expected in (("", 0), (",base=*", 1), (",base=*,tags=*", 0)):
            answer = admin.get(ARTIFACTS, params={"q": f"labels=({label_id}){more}"})
            assert (len(answer.json()), answer.headers["X-Total-Count"]) == (expected, str(expected))

    @pytest.mark.parametrize("query", ["labels=1", "labels=~1", "labels={1 2}", "labels=(a)", "labels=(1 '2')"])
    def test_a_filter_is_a_list_of_ids(self, admin: httpx.Client, query: str) -> None:
        answer = admin.get("/repositories", params={"q": query})
        assert (answer.status_code, "labels" in answer.text) == (400, True)

    def test_a_filter_has_at_most_fifty(self, admin: httpx.Client) -> None:
        ids = " ".join(str(number) for number in range(51))
        answer = admin.get("/repositories", params={"q": f"labels=({ids})"})
        assert (answer.status_code, "at most 50" in answer.text) == (400, True)

    def test_a_long_page_shows_the_first_of_each_and_one_artifact_all(
        self, admin: httpx.Client, registry: httpx.Client
    ) -> None:
        push_image(registry, NAME, "1")
        put(admin, LABELS, *(make_label(admin, f"{at:02}", description="d" * 1024) for at in range(20)))
        labels = {
            size: admin.get(ARTIFACTS, params={"with_label": "true", "page_size": size}).json()[0]["labels"]
            for size in (15, 100)
        }
        whole = admin.get(f"{ARTIFACTS}/1", params={"with_label": "true"}).json()["labels"]
        assert [len(labels[15]), len(labels[100]), len(whole)] == [20, 16, 20]
        assert [label["name"] for label in labels[100]] == [f"{at:02}" for at in range(16)]
        assert "description" not in labels[100][0]
        assert whole[0]["description"] == "d" * 1024

    def test_they_cost_one_query_whatever_the_number(
        self, admin: httpx.Client, registry: httpx.Client, ports: Ports
    ) -> None:
        path, asked = f"{ARTIFACTS}?page_size=50", "&with_label=true"
        labels = [make_label(admin, str(number)) for number in range(8)]
        push_image(registry, NAME, "0")
        counts = []
        for seed in range(1, 12, 5):
            push_image(registry, NAME, str(seed), seed=seed)
            put(admin, f"{ARTIFACTS}/{seed}/labels", *labels[: seed % 8])
            admin.get(path + asked)
            with counted_statements(ports.db) as without:
                admin.get(path)
            with counted_statements(ports.db) as with_them:
                admin.get(path + asked)
            counts.append((len(without), len(with_them)))
        assert len(set(counts)) == 1, counts
        assert counts[0][1] == counts[0][0] + 1


@pytest.mark.usefixtures("image")
def test_the_audit_log_has_each(admin: httpx.Client, image: str) -> None:
    label_id = make_label(admin, "stable", "private")
    for place in PLACES.values():
        put(admin, place, label_id)
        admin.delete(f"{place}/{label_id}")
    rows = admin.get("/projects/private/auditlog-exts", params={"page_size": 5}).json()
    assert [(row["operation"], row["resource_type"], row["resource"], row["username"]) for row in rows] == [
        ("delete", "repository-label", f"stable: {NAME}", "admin"),
        ("create", "repository-label", f"stable: {NAME}", "admin"),
        ("delete", "artifact-label", f"stable: {NAME}@{image}", "admin"),
        ("create", "artifact-label", f"stable: {NAME}@{image}", "admin"),
        ("create", "label", "stable", "admin"),
    ]
