"""Groups of people through the management API."""

import threading
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.context import Ports
from app.identity.models import UserGroup
from app.identity.people import GroupType
from tests.integration.conftest import Caller
from tests.support.clock import MovableClock
from tests.support.members import groups, make_group, version
from tests.support.people import People
from tests.support.queries import counted_statements
from tests.support.robots import entry, make_robot
from tests.support.tokens import bearer

any_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HTTP, OIDC = 2, 3


def group(name: str = "team", kind: int = OIDC, **fields: object) -> dict[str, Any]:
    return {"group_name": name, "group_type": kind, **fields}


def made(response: httpx.Response) -> int:
    assert (response.status_code, response.content) == (201, b""), response.text
    path, _, number = response.headers["Location"].rpartition("/")
    assert path == "/api/v2.0/usergroups"
    return int(number)


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [each["group_name"] for each in response.json()]


def refusal(response: httpx.Response) -> tuple[int, str]:
    (error,) = response.json()["errors"]
    return response.status_code, error["message"]


def test_a_group_lives(admin: httpx.Client) -> None:
    number = made(admin.post("/usergroups", json=group(id=77, ldap_group_dn="cn=ignored")))
    path = f"/usergroups/{number}"
    assert admin.get(path).json() == {"id": number, "group_name": "team", "group_type": OIDC}
    renamed = admin.put(path, json=group("crew", HTTP, ldap_group_dn="cn=x"))
    assert (renamed.status_code, renamed.content) == (200, b"")
    assert admin.get(path).json() == {"id": number, "group_name": "crew", "group_type": OIDC}
    assert admin.put(path, json={"group_name": "crew"}).status_code == 200
    gone = admin.delete(path)
    assert (gone.status_code, gone.content) == (200, b"")
    assert (admin.get(path).status_code, admin.delete(path).status_code) == (404, 404)


@any_database
@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        ({}, 400, "group_name"),
        (group(""), 400, "group_name"),
        (group("  "), 400, "group_name"),
        (group("x" * 256), 400, "group_name"),
        (group("a\0b"), 422, "group_name"),
        ({"group_name": "a"}, 400, "group_type"),
        *((group("a", kind), 400, "group_type") for kind in (0, 4, 9, -1, 2**62)),
        (group("a", 2**63), 422, "group_type"),
        (group("a", 1, ldap_group_dn="cn=a"), 400, "LDAP"),
        ({"group_name": "a", "group_type": "3"}, 422, "group_type"),
        (group("taken"), 409, "taken"),
    ],
)
def test_what_breaks_a_rule_is_refused(
    admin: httpx.Client, ports: Ports, given: dict[str, object], status: int, message: str
) -> None:
    make_group(ports, "taken")
    answered, said = refusal(admin.post("/usergroups", json=given))
    assert answered == status
    assert message in said
    assert groups(ports) == [("taken", OIDC)]


@any_database
def test_a_body_may_be_left_out_and_is_refused(admin: httpx.Client, ports: Ports) -> None:
    number = make_group(ports, "team")
    assert refusal(admin.post("/usergroups"))[0] == 400
    assert refusal(admin.put(f"/usergroups/{number}"))[0] == 400


@any_database
@pytest.mark.parametrize("name", ["Ünïcode 用户 🚀", "a'; DROP TABLE user_group; --", "cn=a,dc=b", "x" * 255, "%", "_"])
def test_names_of_every_kind_are_kept(admin: httpx.Client, name: str) -> None:
    made(admin.post("/usergroups", json=group("another")))
    made(admin.post("/usergroups", json=group(name)))
    assert names(admin.get("/usergroups", params={"group_name": name})) == [name]
    assert names(admin.get("/usergroups/search", params={"groupname": name})) == [name]


def test_names_are_taken_once_per_type(admin: httpx.Client, ports: Ports) -> None:
    first = made(admin.post("/usergroups", json=group()))
    made(admin.post("/usergroups", json=group(kind=HTTP)))
    made(admin.post("/usergroups", json=group("other")))
    before = groups(ports)
    assert refusal(admin.post("/usergroups", json=group()))[0] == 409
    assert refusal(admin.put(f"/usergroups/{first}", json={"group_name": "other"}))[0] == 409
    for bad in ("", "x" * 256):
        assert refusal(admin.put(f"/usergroups/{first}", json={"group_name": bad}))[0] == 400
    assert groups(ports) == before


def test_of_two_at_once_one_is_made(caller: Caller, ports: Ports) -> None:
    clients = [caller("admin") for _ in range(2)]
    ready, answers = threading.Barrier(len(clients)), []

    def create(client: httpx.Client) -> None:
        ready.wait()
        answers.append(client.post("/usergroups", json=group("twin")).status_code)

    threads = [threading.Thread(target=create, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 409]
    assert groups(ports) == [("twin", OIDC)]


class TestLists:
    @pytest.fixture(autouse=True)
    def _stocked(self, ports: Ports) -> None:
        for name in ("beta", "Alpha", "ALPHABET", "gamma"):
            make_group(ports, name)
        make_group(ports, "people", kind=GroupType.LDAP, dn="cn=people,dc=example")

    @pytest.mark.parametrize(
        ("query", "expected", "total"),
        [
            ("", ["ALPHABET", "Alpha", "beta", "gamma", "people"], 5),
            ("group_name=ALPHA", ["ALPHABET", "Alpha"], 2),
            ("group_name=et&page_size=1", ["ALPHABET"], 2),
            ("group_name=none", [], 0),
            ("ldap_group_dn=cn=people,dc=example", ["people"], 1),
            ("ldap_group_dn=cn=people", [], 0),
            ("page=2&page_size=2", ["beta", "gamma"], 5),
            ("page_size=0", ["ALPHABET", "Alpha", "beta", "gamma", "people"], 5),
        ],
    )
    def test_what_is_asked_for(self, admin: httpx.Client, query: str, expected: list[str], total: int) -> None:
        answer = admin.get(f"/usergroups?{query}")
        assert (names(answer), answer.headers["X-Total-Count"]) == (expected, str(total))

    def test_anybody_may_search(self, caller: Caller) -> None:
        answer = caller("stranger").get("/usergroups/search?groupname=aLPHa&page_size=1")
        assert (names(answer), answer.headers["X-Total-Count"]) == (["ALPHABET"], "2")
        assert answer.json()[0].keys() == {"id", "group_name", "group_type"}
        assert 'rel="next"' in answer.headers["Link"]
        for query in ("", "groupname=", "groupname=a&page_size=101"):
            assert caller("stranger").get(f"/usergroups/search?{query}").status_code == 422

    def test_two_statements_however_long(self, admin: httpx.Client, ports: Ports) -> None:
        for path in ("/usergroups?page_size=1", "/usergroups?page_size=0", "/usergroups/search?groupname=a"):
            with counted_statements(ports.db) as statements:
                admin.get(path)
            assert len([text for text in statements if "user_group" in text]) == 2, statements
            assert all(text.startswith("SELECT") for text in statements)


def test_roles_end_with_the_group(
    caller: Caller, client: httpx.Client, people: People, ports: Ports, clock: MovableClock
) -> None:
    admin, stranger = caller("admin"), people["stranger"]
    number = make_group(ports, "team", stranger.id)
    member = {"role_id": 2, "member_group": {"id": number}}
    assert admin.post("/projects/private/members", json=member).status_code == 201
    assert caller("stranger").get("/projects/private").status_code == 200
    token = bearer(client, stranger, "repository:private/app:pull")
    before = version(ports, stranger.id)
    assert admin.delete(f"/usergroups/{number}").status_code == 200
    assert version(ports, stranger.id) == before + 1
    assert caller("stranger").get("/projects/private").status_code == 403
    assert "team" not in [each["entity_name"] for each in admin.get("/projects/private/members?page_size=0").json()]
    clock.forward(6)
    assert client.get("/v2/private/app/tags/list", headers=token).status_code == 401


@any_database
def test_who_may_not_changes_nothing(caller: Caller, ports: Ports) -> None:
    number = make_group(ports, "team")
    for name, status in ((None, 401), *((role, 403) for role in ("stranger", "guest", "developer", "master"))):
        client = caller(name)
        answers = (
            client.get("/usergroups"),
            client.post("/usergroups", json=group("new")),
            client.get(f"/usergroups/{number}"),
            client.put(f"/usergroups/{number}", json=group("new")),
            client.delete(f"/usergroups/{number}"),
        )
        assert {answer.status_code for answer in answers} == {status}
    assert caller(None).get("/usergroups/search?groupname=team").status_code == 401
    with ports.db.read() as session:
        assert session.execute(sa.select(UserGroup.id, UserGroup.group_name)).all() == [(number, "team")]


@any_database
def test_robots_hold_what_they_were_granted(caller: Caller) -> None:
    robot = make_robot(caller("admin"), "people", entry("/", "user-group:create", "user-group:list"))
    client = caller(None)
    client.auth = httpx.BasicAuth(*robot.credentials)
    number = made(client.post("/usergroups", json=group()))
    assert names(client.get("/usergroups")) == ["team"]
    assert client.delete(f"/usergroups/{number}").status_code == 403


@any_database
@pytest.mark.parametrize(
    ("number", "status"), [("0", 400), ("-1", 400), (str(2**63 - 1), 404), (str(2**63), 422), ("x", 422)]
)
def test_ids_that_no_group_has(admin: httpx.Client, number: str, status: int) -> None:
    path = f"/usergroups/{number}"
    answers = (admin.get(path), admin.put(path, json=group()), admin.delete(path))
    assert {answer.status_code for answer in answers} == {status}
