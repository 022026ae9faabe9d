"""Users and groups become members of projects."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest
from flask import Flask

from app.context import Ports
from app.identity.people import GroupType
from tests.integration.conftest import Caller
from tests.support.accounts import PASSWORD, make_project
from tests.support.members import BEGINNING, MEMBERS, groups, last_part, make_group, refusal, shown, version
from tests.support.people import People

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def master(caller: Caller) -> httpx.Client:
    """The project's own administrator."""
    return caller("master")


@pytest.mark.parametrize("by", ["user_id", "username"])
@pytest.mark.parametrize("role", [1, 2, 3, 4, 5])
@ONE_DATABASE
def test_a_user_is_added_by_id_or_name(master: httpx.Client, people: People, by: str, role: int) -> None:
    user = {"user_id": people["stranger"].id} if by == "user_id" else {"username": "stranger"}
    made = master.post(MEMBERS, json={"role_id": role, "member_user": user})
    member = master.get(made.headers["Location"].removeprefix("/api/v2.0")).json()
    assert (member["id"], member["entity_id"]) == (last_part(made), people["stranger"].id)
    assert (member["entity_name"], member["entity_type"], member["role_id"]) == ("stranger", "u", role)


@ONE_DATABASE
def test_an_id_goes_before_a_name(master: httpx.Client, people: People) -> None:
    user = {"user_id": people["stranger"].id, "username": "guest"}
    last_part(master.post(MEMBERS, json={"role_id": 3, "member_user": user}))
    assert [name for name, _, _ in shown(master.get(MEMBERS))].count("stranger") == 1


@ONE_DATABASE
def test_the_project_may_be_named_like_a_number(admin: httpx.Client, people: People, ports: Ports) -> None:
    number = make_project(ports, "12345")
    named = {"X-Is-Resource-Name": "true"}
    body = {"role_id": 3, "member_user": {"username": "guest"}}
    made = admin.post("/projects/12345/members", json=body, headers=named)
    assert made.headers["Location"].startswith("/api/v2.0/projects/12345/members/")
    path = f"/projects/12345/members/{last_part(made)}"
    assert admin.get(path).status_code == 404
    assert admin.get(path, headers=named).json() == admin.get(f"/projects/{number}/members/{last_part(made)}").json()
    assert admin.put(path, headers=named, json={"role_id": 2}).status_code == 200
    assert [member["entity_name"] for member in admin.get("/projects/12345/members", headers=named).json()] == [
        "admin",
        "guest",
    ]
    assert admin.delete(path, headers=named).status_code == 200


class TestGroups:
    """Groups as members."""

    @pytest.mark.parametrize("kind", [GroupType.HTTP, GroupType.OIDC])
    def test_one_that_is_not_known_is_made_by_name(self, master: httpx.Client, ports: Ports, kind: GroupType) -> None:
        body = {"role_id": 2, "member_group": {"group_name": "crew", "group_type": int(kind)}}
        last_part(master.post(MEMBERS, json=body))
        assert groups(ports) == [("crew", kind)]
        assert refusal(master.post(MEMBERS, json=body)) == (409, "CONFLICT")
        last_part(master.post("/projects/public/members", json=body))
        assert groups(ports) == [("crew", kind)]

    @ONE_DATABASE
    def test_one_that_is_known_is_found(self, master: httpx.Client, ports: Ports) -> None:
        ids = [make_group(ports, "crew", kind=kind) for kind in (GroupType.HTTP, GroupType.OIDC)]
        directory = make_group(ports, "crew", kind=GroupType.LDAP, dn="cn=crew,dc=example")
        for body in (
            {"id": ids[0]},
            {"group_name": "crew", "group_type": 3},
            {"ldap_group_dn": "cn=crew,dc=example"},
        ):
            last_part(master.post(MEMBERS, json={"role_id": 2, "member_group": body}))
        entities = [member["entity_id"] for member in master.get(f"{MEMBERS}?entityname=crew").json()]
        assert entities == [*ids, directory]

    @pytest.mark.parametrize(
        "group",
        [
            {"id": 777},
            {"id": 2**63 - 1},
            {"group_name": "crew"},
            {"group_name": "crew", "group_type": 0},
            {"group_name": "crew", "group_type": 1},
            {"group_name": "crew", "group_type": 9},
            {"group_name": "crew", "group_type": -3},
            {"group_name": "x" * 256, "group_type": 3},
            {"ldap_group_dn": "cn=crew,dc=example"},
            {"ldap_group_dn": "x" * 2000, "group_name": "crew", "group_type": 3},
        ],
    )
    def test_others_are_refused(self, master: httpx.Client, ports: Ports, group: dict[str, Any]) -> None:
        answer = master.post(MEMBERS, json={"role_id": 2, "member_group": group})
        assert refusal(answer) == (400, "BAD_REQUEST")
        assert shown(master.get(MEMBERS)) == BEGINNING
        assert groups(ports) == []

    def test_a_refused_request_makes_no_group(self, caller: Caller, master: httpx.Client, ports: Ports) -> None:
        group = {"group_name": "crew", "group_type": 3}
        assert master.post(MEMBERS, json={"role_id": 9, "member_group": group}).status_code == 400
        assert caller("developer").post(MEMBERS, json={"role_id": 3, "member_group": group}).status_code == 403
        assert groups(ports) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 400),
        ({}, 400),
        ({"role_id": 3}, 400),
        ({"role_id": 3, "member_user": {}}, 400),
        ({"role_id": 3, "member_user": {}, "member_group": {}}, 400),
        ({"role_id": 3, "member_user": {"user_id": 0, "username": ""}}, 400),
        ({"role_id": 3, "member_user": {"user_id": -1}}, 400),
        ({"role_id": 3, "member_user": {"user_id": 777777}}, 400),
        ({"role_id": 3, "member_user": {"user_id": 2**63 - 1}}, 400),
        ({"role_id": 3, "member_user": {"user_id": 2**63}}, 422),
        ({"role_id": 3, "member_user": {"user_id": "1"}}, 422),
        ({"role_id": 3, "member_user": {"username": "nobody"}}, 404),
        ({"role_id": 3, "member_user": {"username": "STRANGER"}}, 404),
        ({"role_id": 3, "member_user": {"username": "x" * 5000}}, 404),
        ({"role_id": 3, "member_user": {"username": "' OR 1=1 --"}}, 404),
        ({"role_id": 3, "member_user": {"username": "\0"}}, 422),
        ({"role_id": 3, "member_user": {"username": "\ud800"}}, 422),
        ({"role_id": 3, "member_user": {"username": "stranger"}, "member_group": {"id": 1}}, 400),
        ({"member_user": {"username": "stranger"}}, 400),
        ({"role_id": 0, "member_user": {"username": "stranger"}}, 400),
        ({"role_id": 6, "member_user": {"username": "stranger"}}, 400),
        ({"role_id": -1, "member_user": {"username": "stranger"}}, 400),
        ({"role_id": 2**63 - 1, "member_user": {"username": "stranger"}}, 400),
        ({"role_id": "guest", "member_user": {"username": "stranger"}}, 422),
        ({"role_id": 3, "member_user": "stranger"}, 422),
        ({"role_id": 3, "member_user": {"username": "guest"}}, 409),
        ({"role_id": 3, "member_user": {"username": "admin"}}, 409),
        ([], 422),
    ],
)
def test_bad_candidates_are_refused(
    master: httpx.Client, people: People, ports: Ports, body: object, status: int
) -> None:
    before = version(ports, people["stranger"].id)
    given = {} if body is None else {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}
    answer = master.request("POST", MEMBERS, **given)  # type: ignore[arg-type] # httpx's options
    assert answer.status_code == status, answer.text
    assert shown(master.get(MEMBERS)) == BEGINNING
    assert version(ports, people["stranger"].id) == before


def test_of_two_adds_at_once_one_wins(app: Flask, people: People) -> None:
    start = Barrier(2)

    def add(_number: int) -> int:
        transport = httpx.WSGITransport(app=app)
        with httpx.Client(transport=transport, base_url="http://registry.test/api/v2.0") as client:
            client.auth = httpx.BasicAuth("master", PASSWORD)
            client.get(MEMBERS)
            start.wait()
            body = {"role_id": 3, "member_user": {"user_id": people["stranger"].id}}
            return client.post(MEMBERS, json=body).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, range(2))) == [201, 409]


@pytest.mark.usefixtures("people")
def test_of_two_adds_of_a_new_group_one_wins(app: Flask, ports: Ports) -> None:
    start = Barrier(2)

    def add(_number: int) -> int:
        transport = httpx.WSGITransport(app=app)
        with httpx.Client(transport=transport, base_url="http://registry.test/api/v2.0") as client:
            client.auth = httpx.BasicAuth("master", PASSWORD)
            client.get(MEMBERS)
            start.wait()
            body = {"role_id": 3, "member_group": {"group_name": "crew", "group_type": 3}}
            return client.post(MEMBERS, json=body).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, range(2))) == [201, 409]
    assert groups(ports) == [("crew", 3)]
