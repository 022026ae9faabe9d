"""Labels on repositories: in lists, and by a path of their own."""

import httpx
import sqlalchemy as sa

from app.artifacts.models import Repository
from app.context import Context, Ports
from app.projects.models import Project
from tests.integration.conftest import Caller
from tests.support.labels import make_label, names, put
from tests.support.manifests import push_image
from tests.support.queries import counted_statements

NAME = "private/app"
REPOSITORY = "/projects/private/repositories/app"
LABELS = f"{REPOSITORY}/labels"


def test_they_come_when_asked_for(admin: httpx.Client, registry: httpx.Client) -> None:
    push_image(registry, NAME, "1")
    push_image(registry, "private/bare", "1")
    label_id = make_label(admin, "stable", "private")
    put(admin, LABELS, label_id)
    label = admin.get(f"/labels/{label_id}").json()
    assert admin.get(LABELS).json() == [label]
    assert "labels" not in admin.get(REPOSITORY).json()
    for path in ("/repositories", "/projects/private/repositories"):
        assert not [one for one in admin.get(path).json() if "labels" in one]
        bare, labelled = admin.get(path, params={"with_label": "true"}).json()
        assert (bare["labels"], labelled["labels"]) == ([], [label])
        assert labelled == admin.get(REPOSITORY, params={"with_label": "true"}).json()


def test_lists_are_filtered_by_all_of_them(admin: httpx.Client, caller: Caller, registry: httpx.Client) -> None:
    first, second = make_label(admin, "a"), make_label(admin, "b")
    for name, labels in (("private/one", [first]), ("private/two", [first, second]), ("public/two", [second])):
        project, _, repository = name.partition("/")
        push_image(registry, name, "1")
        put(admin, f"/projects/{project}/repositories/{repository}/labels", *labels)
    both = {"q": f"labels=({first} {second})"}
    assert names(admin.get("/repositories", params=both)) == ["private/two"]
    assert names(admin.get("/projects/private/repositories", params={"q": f"labels=({first})"})) == [
        "private/two",
        "private/one",
    ]
    stranger = caller("stranger").get("/repositories", params={"q": f"labels=({second})"})
    assert (names(stranger), stranger.headers["X-Total-Count"]) == (["public/two"], "1")


def test_who_may_read_them(admin: httpx.Client, caller: Caller, registry: httpx.Client) -> None:
    push_image(registry, NAME, "1")
    put(admin, LABELS, make_label(admin, "stable"))
    assert names(caller("limited").get(LABELS)) == ["stable"]
    assert caller("stranger").get(LABELS).status_code == 403
    assert caller(None).get(LABELS).status_code == 401


def test_names_with_slashes(admin: httpx.Client, registry: httpx.Client) -> None:
    push_image(registry, "private/group/app", "1")
    label_id, place = make_label(admin, "stable"), "/projects/private/repositories/group%252Fapp/labels"
    put(admin, place, label_id)
    assert names(admin.get(place)) == ["stable"]
    assert admin.delete(f"{place}/{label_id}").status_code == 200


def test_they_cost_one_query_and_a_page_of_everything_is_a_hundred(
    admin: httpx.Client, ctx: Context, ports: Ports
) -> None:
    now, project_id = ctx.ports.clock.now(), admin.get("/projects/private").json()["project_id"]
    row = {"project_id": project_id, "published": True, "creation_time": now, "update_time": now}
    with ctx.write() as session:
        session.execute(sa.insert(Repository), [row | {"name": f"private/{number}"} for number in range(101)])
        session.execute(sa.update(Project).values(repo_count=101).where(Project.id == project_id))
    put(admin, "/projects/private/repositories/100/labels", make_label(admin, "stable"))
    with counted_statements(ports.db) as without:
        everything = admin.get("/repositories", params={"page_size": 0})
    with counted_statements(ports.db) as with_them:
        labelled = admin.get("/repositories", params={"page_size": 0, "with_label": "true"})
    assert (len(everything.json()), len(labelled.json())) == (101, 100)
    assert [label["name"] for label in labelled.json()[0]["labels"]] == ["stable"]
    assert "page=2&page_size=100" in labelled.headers["Link"]
    assert len(with_them) == len(without) + 1
