"""Labels through the management API: global ones and those of projects."""

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.context import Context
from app.labels.models import Label
from app.labels.rules import MOST_LABELS
from tests.integration.conftest import AsRobot, Caller
from tests.support.labels import make_label, names
from tests.support.robots import entry, make_robot


@pytest.fixture
def private_id(admin: httpx.Client) -> int:
    """The id of the private project."""
    return int(admin.get("/projects/private").json()["project_id"])


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["message"]


def test_a_global_label_is_shown_as_harbor_does(admin: httpx.Client) -> None:
    label_id = make_label(admin, "stable", description="for everybody", color="#0065AB", project_id=3)
    shown = admin.get(f"/labels/{label_id}").json()
    assert shown.pop("creation_time") == shown.pop("update_time")
    expected = {"id": label_id, "name": "stable", "description": "for everybody", "color": "#0065AB", "scope": "g"}
    assert shown == expected


def test_a_projects_label_tells_its_project(admin: httpx.Client, private_id: int) -> None:
    shown = admin.get(f"/labels/{make_label(admin, 'stable', 'private')}").json()
    assert set(shown) == {"id", "name", "scope", "project_id", "creation_time", "update_time"}
    assert (shown["scope"], shown["project_id"]) == ("p", private_id)


def test_each_scope_lists_its_own_by_name(admin: httpx.Client, private_id: int) -> None:
    for name, project in (("b", None), ("a", None), ("c", "private"), ("B", "private"), ("d", "public")):
        make_label(admin, name, project)
    assert names(admin.get("/labels", params={"scope": "g"})) == ["a", "b"]
    own: dict[str, Any] = {"scope": "p", "project_id": private_id}
    assert names(admin.get("/labels", params=own)) == ["B", "c"]
    assert names(admin.get("/labels", params={**own, "sort": "-id"})) == ["B", "c"]
    assert names(admin.get("/labels", params={**own, "sort": "creation_time,-name"})) == ["c", "B"]


def test_labels_are_found_by_name_and_query_and_come_in_pages(admin: httpx.Client) -> None:
    for name in ("stable", "unstable", "old"):
        make_label(admin, name, color="#fff" if name == "old" else "")
    asked: dict[str, Any] = {"scope": "g", "name": "STAB", "page_size": 1}
    page = admin.get("/labels", params=asked)
    assert (names(page), page.headers["X-Total-Count"]) == (["stable"], "2")
    assert 'rel="next"' in page.headers["Link"]
    assert names(admin.get("/labels", params={**asked, "page": 2})) == ["unstable"]
    assert names(admin.get("/labels", params={"scope": "g", "q": "name=stable"})) == ["stable"]
    assert names(admin.get("/labels", params={"scope": "g", "q": "color=~FF"})) == ["old"]
    assert names(admin.get("/labels", params={"scope": "g", "q": "scope=p"})) == []
    assert names(admin.get("/labels", params={"scope": "g", "name": "%"})) == []


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "scope"),
        ({"scope": "x"}, "scope"),
        ({"scope": "p"}, "project_id"),
        ({"scope": "p", "project_id": "-1"}, "project_id"),
    ],
)
def test_the_scope_must_be_said(admin: httpx.Client, parameters: dict[str, str], field: str) -> None:
    status, message = error(admin.get("/labels", params=parameters))
    assert (status, message.split()[0]) == (400, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scope": "g"}, "name"),
        ({"scope": "g", "name": ""}, "name"),
        ({"scope": "g", "name": "x" * 129}, "name"),
        ({"scope": "g", "name": "é" * 65}, "name"),
        ({"scope": "g", "name": "a\nb"}, "name"),
        ({"scope": "g", "name": "a", "description": "x" * 1025}, "description"),
        ({"scope": "g", "name": "a", "color": "#" * 17}, "color"),
        ({"name": "a"}, "scope"),
        ({"name": "a", "scope": "P"}, "scope"),
        ({"name": "a", "scope": "p"}, "project_id"),
        ({"name": "a", "scope": "p", "project_id": -4}, "project_id"),
    ],
)
def test_an_invalid_value_is_refused_by_name(admin: httpx.Client, body: dict[str, Any], field: str) -> None:
    status, message = error(admin.post("/labels", json=body))
    assert (status, message.split()[0]) == (400, field)
    assert names(admin.get("/labels", params={"scope": "g"})) == []


@pytest.mark.parametrize("body", [{"name": 1, "scope": "g"}, {"name": "a", "project_id": "1"}, {"name": "a\0"}, []])
def test_another_type_is_refused(admin: httpx.Client, body: object) -> None:
    assert admin.post("/labels", json=body).status_code == 422


def test_a_project_that_does_not_exist_has_no_labels(admin: httpx.Client) -> None:
    asked: dict[str, Any] = {"scope": "p", "project_id": 777}
    assert admin.get("/labels", params=asked).status_code == 404
    assert admin.post("/labels", json={"name": "a", **asked}).status_code == 404


def test_a_name_is_there_once_in_each_place(admin: httpx.Client, private_id: int) -> None:
    make_label(admin, "stable")
    make_label(admin, "stable", "private")
    make_label(admin, "stable", "public")
    make_label(admin, "Stable")
    body = {"name": "stable", "scope": "p", "project_id": private_id}
    assert admin.post("/labels", json=body).status_code == 409
    assert admin.post("/labels", json={"name": "stable", "scope": "g"}).status_code == 409
    other = make_label(admin, "other")
    assert admin.put(f"/labels/{other}", json={"name": "stable"}).status_code == 409
    assert admin.get(f"/labels/{other}").json()["name"] == "other"


def test_a_change_replaces_what_can_be_changed(admin: httpx.Client) -> None:
    label_id = make_label(admin, "stable", "private", description="a", color="#fff")
    before = admin.get(f"/labels/{label_id}").json()
    change = {"name": "steady", "description": "b", "scope": "g", "project_id": 0, "id": 9}
    assert admin.put(f"/labels/{label_id}", json=change).status_code == 200
    after = admin.get(f"/labels/{label_id}").json()
    assert after.pop("update_time") >= before.pop("update_time")
    del before["color"]
    assert after == before | {"name": "steady", "description": "b"}
    assert admin.put(f"/labels/{label_id}", json={"name": "steady"}).status_code == 200
    assert error(admin.put(f"/labels/{label_id}", json={"description": "c"}))[0] == 400


def test_a_deleted_label_is_gone(admin: httpx.Client) -> None:
    label_id = make_label(admin, "stable")
    assert admin.delete(f"/labels/{label_id}").status_code == 200
    for method in ("GET", "PUT", "DELETE"):
        answer = admin.request(method, f"/labels/{label_id}", json={"name": "a"})
        assert error(answer) == (404, f"label {label_id} not found")
    make_label(admin, "stable")


def test_a_projects_labels_go_with_it(admin: httpx.Client) -> None:
    label_id = make_label(admin, "stable", "private")
    assert admin.delete("/projects/private").status_code == 200
    assert admin.get(f"/labels/{label_id}").status_code == 404


def test_there_are_at_most_a_thousand_in_one_place(admin: httpx.Client, private_id: int, ctx: Context) -> None:
    now = ctx.ports.clock.now()
    row = {"project_id": private_id, "creation_time": now, "update_time": now, "description": "", "color": ""}
    with ctx.write() as session:
        session.execute(sa.insert(Label), [row | {"name": str(number)} for number in range(MOST_LABELS - 1)])
    make_label(admin, "last", "private")
    full = admin.post("/labels", json={"name": "one more", "scope": "p", "project_id": private_id})
    assert error(full) == (400, "there are 1000 labels already, which is the most")
    make_label(admin, "elsewhere", "public")
    make_label(admin, "global")


READERS = {None: 401, "stranger": 403, "limited": 403, "guest": 200, "developer": 200, "maintainer": 200, "admin": 200}
WRITERS = {None: 401, "stranger": 403, "limited": 403, "guest": 403, "developer": 403, "maintainer": 200, "admin": 200}


@pytest.mark.parametrize("who", READERS)
def test_who_may_do_what_with_a_projects_labels(
    admin: httpx.Client, caller: Caller, private_id: int, who: str | None
) -> None:
    client, label_id = caller(who), make_label(admin, "stable", "private")
    asked: dict[str, Any] = {"scope": "p", "project_id": private_id}
    assert client.get("/labels", params=asked).status_code == READERS[who]
    assert client.get(f"/labels/{label_id}").status_code == READERS[who]
    made = client.post("/labels", json={"name": "new", **asked}).status_code
    assert made == (201 if WRITERS[who] == 200 else WRITERS[who])
    assert client.put(f"/labels/{label_id}", json={"name": "other"}).status_code == WRITERS[who]
    assert client.delete(f"/labels/{label_id}").status_code == WRITERS[who]


def test_the_labels_of_a_public_project_are_public(admin: httpx.Client, anonymous: httpx.Client) -> None:
    label_id = make_label(admin, "stable", "public")
    project_id = admin.get("/projects/public").json()["project_id"]
    assert names(anonymous.get("/labels", params={"scope": "p", "project_id": project_id})) == ["stable"]
    assert anonymous.get(f"/labels/{label_id}").json()["name"] == "stable"
    assert anonymous.delete(f"/labels/{label_id}").status_code == 401


def test_global_labels_are_listed_by_anybody_and_changed_by_administrators(
    admin: httpx.Client, caller: Caller, anonymous: httpx.Client
) -> None:
    label_id, master = make_label(admin, "stable"), caller("master")
    assert names(anonymous.get("/labels", params={"scope": "g"})) == ["stable"]
    assert anonymous.get(f"/labels/{label_id}").status_code == 401
    assert master.post("/labels", json={"name": "mine", "scope": "g"}).status_code == 403
    assert master.put(f"/labels/{label_id}", json={"name": "mine"}).status_code == 403
    assert master.delete(f"/labels/{label_id}").status_code == 403


def test_robots_do_what_they_were_granted(admin: httpx.Client, as_robot: AsRobot) -> None:
    system = as_robot(make_robot(admin, "system", entry("/", "label:create", "label:delete")))
    label_id = make_label(system, "stable")
    assert system.get(f"/labels/{label_id}").status_code == 403
    assert system.put(f"/labels/{label_id}", json={"name": "a"}).status_code == 403
    rights = ("label:create", "label:list", "project:read")
    own = as_robot(make_robot(admin, "own", entry("private", *rights), level="project"))
    make_label(own, "mine", "private")
    assert own.delete(f"/labels/{label_id}").status_code == 403
    assert own.post("/labels", json={"name": "mine", "scope": "g"}).status_code == 403
    assert system.delete(f"/labels/{label_id}").status_code == 200


def test_refusals_do_not_tell_the_project(admin: httpx.Client, caller: Caller) -> None:
    label_id = make_label(admin, "stable", "private")
    assert error(caller("stranger").get(f"/labels/{label_id}")) == (403, f"unauthorized to read label {label_id}")
    assert caller(None).get(f"/labels/{label_id}").status_code == 401
    assert caller(None).get("/labels/777").status_code == 401
