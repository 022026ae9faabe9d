"""Members of projects: who sees them, the list, one of them, changes of role, the end."""

from typing import Any

import httpx
import pytest

from app.access.table import ROBOT_PROJECT
from app.context import Ports
from tests.integration.conftest import AsRobot, Caller
from tests.support.accounts import make_user
from tests.support.members import BEGINNING, MEMBERS, last_part, make_group, refusal, shown
from tests.support.people import People
from tests.support.queries import counted_statements
from tests.support.robots import entry, make_robot

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def master(caller: Caller) -> httpx.Client:
    """The project's own administrator."""
    return caller("master")


def test_the_list_shows_users_and_groups_by_name(master: httpx.Client, people: People, ports: Ports) -> None:
    group = make_group(ports, "crew")
    made = last_part(master.post(MEMBERS, json={"role_id": 3, "member_group": {"id": group}}))
    listed = master.get(MEMBERS)
    assert shown(listed) == [BEGINNING[0], ("crew", "guest", 3), *BEGINNING[1:]]
    project = master.get("/projects/private").json()["project_id"]
    assert listed.json()[1] == {
        "id": made,
        "project_id": project,
        "entity_name": "crew",
        "role_name": "guest",
        "role_id": 3,
        "entity_id": group,
        "entity_type": "g",
    }
    assert listed.json()[3] == {
        **listed.json()[3],
        "entity_name": "guest",
        "entity_id": people["guest"].id,
        "entity_type": "u",
    }
    assert listed.headers["X-Total-Count"] == "7"
    assert "Link" not in listed.headers


def test_pages_follow_one_another(master: httpx.Client) -> None:
    second = master.get(f"{MEMBERS}?page=2&page_size=2")
    assert shown(second) == BEGINNING[2:4]
    assert second.headers["X-Total-Count"] == "6"
    assert second.headers["Link"] == (
        '</api/v2.0/projects/private/members?page=1&page_size=2>; rel="prev" , '
        '</api/v2.0/projects/private/members?page=3&page_size=2>; rel="next"'
    )
    assert shown(master.get(f"{MEMBERS}?page_size=0")) == BEGINNING
    assert shown(master.get(f"{MEMBERS}?page=4&page_size=2")) == []
    assert shown(master.get(f"{MEMBERS}?page=0&page_size=2")) == BEGINNING[:2]
    assert shown(master.get(f"{MEMBERS}?page={10**15}&page_size=100")) == []
    assert refusal(master.get(f"{MEMBERS}?page_size=101")) == (422, "UNPROCESSABLE_ENTITY")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("guest", [("guest", "guest", 3)]),
        ("crew", [("crew", "developer", 2)]),
        ("gues", []),
        ("GUEST", []),
        ("%25", []),
        ("stranger", []),
        ("' OR 1=1 --", []),
        ("", [*BEGINNING[:1], ("crew", "developer", 2), *BEGINNING[1:]]),
    ],
)
@ONE_DATABASE
def test_a_name_is_sought_exactly_and_counted(
    master: httpx.Client, ports: Ports, name: str, expected: list[tuple[str, str, int]]
) -> None:
    master.post(MEMBERS, json={"role_id": 2, "member_group": {"id": make_group(ports, "crew")}})
    found = master.get(MEMBERS, params={"entityname": name})
    assert shown(found) == expected
    assert found.headers["X-Total-Count"] == str(len(expected))


def test_a_list_costs_the_same_whatever_its_length(master: httpx.Client, ports: Ports) -> None:
    for _ in ("proves the caller", "looks at the caller's standing"):
        master.get(MEMBERS)
    with counted_statements(ports.db) as few:
        master.get(f"{MEMBERS}?page_size=100")
    for number in range(15):
        added = {"role_id": 3, "member_user": {"user_id": make_user(ports, f"more-{number}").id}}
        last_part(master.post(MEMBERS, json=added))
    with counted_statements(ports.db) as many:
        assert len(master.get(f"{MEMBERS}?page_size=100").json()) == 21
    assert len(many) == len(few)


def test_a_role_is_changed(caller: Caller, master: httpx.Client) -> None:
    (guest,) = master.get(f"{MEMBERS}?entityname=guest").json()
    answer = master.put(f"{MEMBERS}/{guest['id']}", json={"role_id": 4})
    assert (answer.status_code, answer.content) == (200, b"")
    assert master.get(f"{MEMBERS}/{guest['id']}").json() == {**guest, "role_id": 4, "role_name": "maintainer"}
    assert caller("guest").get("/projects/private").json()["current_user_role_id"] == 4


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 400),
        ({}, 400),
        ({"role_id": 0}, 400),
        ({"role_id": 9}, 400),
        ({"role_id": -1}, 400),
        ({"role_id": None}, 400),
        ({"role_id": True}, 422),
        ({"role_id": 2.5}, 422),
        ({"role_id": 10**30}, 422),
    ],
)
@ONE_DATABASE
def test_bad_roles_are_refused(master: httpx.Client, body: dict[str, Any] | None, status: int) -> None:
    (guest,) = master.get(f"{MEMBERS}?entityname=guest").json()
    path = f"{MEMBERS}/{guest['id']}"
    answer = master.put(path) if body is None else master.put(path, json=body)
    assert answer.status_code == status, answer.text
    assert master.get(path).json() == guest


def test_a_member_is_removed_once(master: httpx.Client, caller: Caller) -> None:
    (guest,) = master.get(f"{MEMBERS}?entityname=guest").json()
    path = f"{MEMBERS}/{guest['id']}"
    assert (master.delete(path).status_code, master.delete(path).status_code) == (200, 404)
    assert master.get(path).status_code == 404
    assert master.put(path, json={"role_id": 3}).status_code == 404
    assert caller("guest").get("/projects/private").status_code == 403


@pytest.mark.parametrize(
    ("mid", "status"),
    [
        ("0", 404),
        ("-1", 404),
        ("777777", 404),
        (str(2**63 - 1), 404),
        ("9" * 40, 422),
        ("abc", 422),
        ("1%00", 422),
        ("%27", 422),
    ],
)
@ONE_DATABASE
def test_unknown_members_are_not_found(master: httpx.Client, mid: str, status: int) -> None:
    path = f"{MEMBERS}/{mid}"
    answers = master.get(path), master.put(path, json={"role_id": 3}), master.delete(path)
    assert {answer.status_code for answer in answers} == {status}


def test_members_of_other_projects_are_not_found(master: httpx.Client) -> None:
    (guest,) = master.get(f"{MEMBERS}?entityname=guest").json()
    path = f"/projects/public/members/{guest['id']}"
    assert master.get(path).status_code == 404
    assert master.put(path, json={"role_id": 1}).status_code == 404
    assert master.delete(path).status_code == 404
    assert shown(master.get(MEMBERS)) == BEGINNING


@ONE_DATABASE
def test_the_last_project_administrator_may_go_as_in_harbor(master: httpx.Client, admin: httpx.Client) -> None:
    (other,) = master.get(f"{MEMBERS}?entityname=admin").json()
    assert master.delete(f"{MEMBERS}/{other['id']}").status_code == 200
    (last,) = master.get(f"{MEMBERS}?entityname=master").json()
    assert master.put(f"{MEMBERS}/{last['id']}", json={"role_id": 3}).status_code == 200
    assert admin.put(f"{MEMBERS}/{last['id']}", json={"role_id": 1}).status_code == 200
    assert master.delete(f"{MEMBERS}/{last['id']}").status_code == 200
    assert master.get(MEMBERS).status_code == 403
    assert [name for name, _, role in shown(admin.get(MEMBERS)) if role == 1] == []


_WHO_READS = [(None, 401), ("stranger", 403), ("limited", 403), ("guest", 200), ("developer", 200), ("maintainer", 200)]


@pytest.mark.parametrize(("who", "status"), _WHO_READS)
@pytest.mark.parametrize("project", ["private", "public"])
@ONE_DATABASE
def test_who_sees_and_changes_members(
    caller: Caller, master: httpx.Client, who: str | None, status: int, project: str
) -> None:
    client, path = caller(who), f"/projects/{project}/members"
    before = master.get(path).json()
    one = f"{path}/{before[0]['id']}"
    assert client.get(path).status_code == status
    assert client.get(one).status_code == status
    refused = {
        client.post(path, json={"role_id": 1, "member_user": {"username": who or "stranger"}}).status_code,
        client.post(path, json={"role_id": 1, "member_user": {"username": "stranger"}}).status_code,
        client.post(path).status_code,
        client.put(one, json={"role_id": 3}).status_code,
        client.delete(one).status_code,
        client.delete(f"{path}/777777").status_code,
    }
    assert refused == {401 if who is None else 403}
    assert master.get(path).json() == before


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("stranger", 403), ("admin", 404)])
@ONE_DATABASE
def test_members_of_a_missing_project_are_refused_by_who_asks(caller: Caller, who: str | None, status: int) -> None:
    client = caller(who)
    for path in ("/projects/nothing/members", "/projects/777777/members"):
        assert client.get(path).status_code == status
        assert client.post(path, json={"role_id": 3, "member_user": {"username": "guest"}}).status_code == status
        assert client.get(f"{path}/1").status_code == status
        assert client.put(f"{path}/1", json={"role_id": 3}).status_code == status
        assert client.delete(f"{path}/1").status_code == status


@ONE_DATABASE
def test_robots_manage_members_as_they_were_granted(
    admin: httpx.Client, master: httpx.Client, as_robot: AsRobot, people: People
) -> None:
    reader = as_robot(make_robot(admin, "reader", entry("private", "member:list", "member:read")))
    (guest,) = reader.get(f"{MEMBERS}?entityname=guest").json()
    one = f"{MEMBERS}/{guest['id']}"
    added = {"role_id": 3, "member_user": {"user_id": people["stranger"].id}}
    assert reader.get(one).json() == guest
    assert reader.post(MEMBERS, json=added).status_code == 403
    assert reader.put(one, json={"role_id": 1}).status_code == 403
    assert reader.delete(one).status_code == 403
    assert reader.get("/projects/public/members").status_code == 403
    assert shown(master.get(MEMBERS)) == BEGINNING
    everything = entry("private", *(f"{what}:{action}" for what, does in ROBOT_PROJECT.items() for action in does))
    keeper = as_robot(make_robot(master, "keeper", everything, level="project"))
    assert keeper.post(MEMBERS, json=added).status_code == 201
    assert keeper.put(one, json={"role_id": 2}).status_code == 200
    assert keeper.delete(one).status_code == 200
    assert keeper.get(one).status_code == 404
    assert keeper.post("/projects/public/members", json=added).status_code == 403
