"""Accounts through the management API: made, listed, searched, changed, and what is refused."""

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.audit.models import AuditLog
from app.context import Context, Ports
from app.identity import listing
from app.identity.models import User
from tests.integration.conftest import Caller
from tests.support.accounts import PASSWORD
from tests.support.clock import MovableClock
from tests.support.people import People
from tests.support.queries import counted_statements
from tests.support.robots import entry, make_robot

OTHERS = ["developer", "guest", "limited", "maintainer", "master", "stranger"]
"""Everybody but the first administrator, whom no list holds."""
any_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def body(username: str = "new", **fields: object) -> dict[str, Any]:
    return {"username": username, "password": PASSWORD, "email": f"{username}@example.test", "realname": "N", **fields}


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [user["username"] for user in response.json()]


def refusal(response: httpx.Response) -> tuple[int, str]:
    (error,) = response.json()["errors"]
    return response.status_code, error["message"]


def accounts(ports: Ports) -> list[tuple[object, ...]]:
    """Everything that is stored of everybody."""
    with ports.db.read() as session:
        return [tuple(row) for row in session.execute(sa.select(User.__table__).order_by(User.id))]


def test_an_account_is_made_and_shown(admin: httpx.Client, anonymous: httpx.Client) -> None:
    made = admin.post("/users", json=body(comment="hello"))
    assert (made.status_code, made.content) == (201, b"")
    path = made.headers["Location"]
    user = admin.get(path.removeprefix("/api/v2.0")).json()
    assert user.pop("creation_time") == user.pop("update_time")
    expected = {
        "user_id": int(path.removeprefix("/api/v2.0/users/")),
        "username": "new",
        "email": "new@example.test",
        "realname": "N",
        "comment": "hello",
        "sysadmin_flag": False,
        "admin_role_in_auth": False,
    }
    assert user == expected
    shown = anonymous.get("/users/current", auth=("new", PASSWORD)).json()
    assert {key: shown[key] for key in expected} == expected


@any_database
@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        *(("username", value, 400) for value in ("", *(f"a{char}b" for char in ',"~#%$\n\x7f'))),
        ("username", "x" * 256, 422),
        ("username", "a\0b", 422),
        ("username", 7, 422),
        *(("email", value, 400) for value in ("", "nobody", "a@b@c", "a@b#1", "a b@c", None)),
        ("email", "a@" + "b" * 255, 422),
        *(("realname", value, 400) for value in ("", " ", None, "x" * 256)),
        ("comment", "x" * 31, 400),
        *(("password", value, 400) for value in ("", None, "Short1a", "nodigitsHere", "A1a" * 43, "A1a" * 350_000)),
    ],
)
def test_what_breaks_a_rule_is_refused(
    admin: httpx.Client, ports: Ports, field: str, value: object, status: int
) -> None:
    before = accounts(ports)
    answered, message = refusal(admin.post("/users", json=body() | {field: value}))
    assert answered == status
    assert field in message
    assert accounts(ports) == before


@any_database
@pytest.mark.parametrize(
    "name", ["Ünïcode 用户 🚀", "a'; DROP TABLE user_account; --", "<script>", "../..", "x" * 255, "8"]
)
def test_names_of_every_kind_are_kept(admin: httpx.Client, anonymous: httpx.Client, name: str) -> None:
    assert admin.post("/users", json=body(name, email="a@example.test")).status_code == 201
    assert names(admin.get("/users", params={"q": "email=a@example.test"})) == [name]
    assert anonymous.get("/users/current", auth=(name.encode(), PASSWORD)).json()["username"] == name


def test_names_and_addresses_are_taken_once(admin: httpx.Client, ports: Ports) -> None:
    before = accounts(ports)
    for other in (body("guest", email="free@example.test"), body("free", email="guest@example.test")):
        assert refusal(admin.post("/users", json=other))[0] == 409
    assert accounts(ports) == before


def test_of_two_at_once_one_is_made(caller: Caller, people: People) -> None:
    clients = [caller("admin") for _ in range(2)]
    ready, answers = threading.Barrier(len(clients)), []

    def create(client: httpx.Client, address: str) -> None:
        ready.wait()
        answers.append(client.post("/users", json=body("twin", email=address)).status_code)

    threads = [
        threading.Thread(target=create, args=(client, f"{at}@example.test")) for at, client in enumerate(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 409]
    assert names(clients[0].get("/users?q=username=twin")) == ["twin"]
    assert people["admin"].id == 1


class TestLists:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", OTHERS),
            ("q=username=guest", ["guest"]),
            ("q=username=gues", []),
            ("q=username=~GUES", ["guest"]),
            ("q=username=~%25", []),
            ("q=email=guest@example.test", ["guest"]),
            ("q=email=~ER@", ["developer", "maintainer", "master", "stranger"]),
            ("q=username_or_email=guest", ["guest"]),
            ("q=username_or_email=master@example.test", ["master"]),
            ("q=username_or_email=~MAST", ["master"]),
            ("q=username={guest master}", ["guest", "master"]),
            ("q=user_id={1 4}", ["admin", "developer"]),
            ("q=user_id=1", ["admin"]),
            ("q=password_hash=~a,deleted=true,unknown=1", OTHERS),
            ("username=ER&email=MA", ["maintainer", "master"]),
            ("sort=-username", OTHERS[::-1]),
            ("sort=-user_id", ["stranger", "limited", "guest", "developer", "maintainer", "master"]),
            ("sort=password_hash", OTHERS),
            ("page=2&page_size=4", OTHERS[4:]),
            ("page=9&page_size=4", []),
            ("page_size=0", OTHERS),
        ],
    )
    def test_what_is_asked_for(self, admin: httpx.Client, query: str, expected: list[str]) -> None:
        assert names(admin.get(f"/users?{query}")) == expected

    @any_database
    def test_pages_are_headed(self, admin: httpx.Client) -> None:
        page = admin.get("/users?page=2&page_size=2&q=username=~e")
        assert page.headers["X-Total-Count"] == "6"
        assert page.headers["Link"] == (
            '</api/v2.0/users?page=1&page_size=2&q=username=~e>; rel="prev" , '
            '</api/v2.0/users?page=3&page_size=2&q=username=~e>; rel="next"'
        )

    @any_database
    @pytest.mark.parametrize("query", ["q=username", "q==a", "q=user_id=many", "q=username=[a", f"q=user_id={2**63}"])
    def test_bad_queries_are_refused(self, admin: httpx.Client, query: str) -> None:
        assert admin.get(f"/users?{query}").status_code == 400

    def test_anybody_may_search(self, caller: Caller, people: People) -> None:
        found = caller("stranger").get("/users/search?username=MA&page_size=1")
        assert found.json() == [{"user_id": people["maintainer"].id, "username": "maintainer"}]
        assert found.headers["X-Total-Count"] == "2"
        assert names(caller("stranger").get("/users/search?username=adm")) == []
        for query, status in (("", 422), ("username=", 422), ("username=a&page_size=101", 422), ("username=_", 200)):
            assert caller("guest").get(f"/users/search?{query}").status_code == status

    def test_two_statements_however_long(self, admin: httpx.Client, ports: Ports) -> None:
        paths = ("/users?page_size=3", "/users?page_size=0", "/users?q=username=~e", "/users/search?username=e")
        for path in ("/users", "/users", *paths):
            admin.get(path)
        for path in paths:
            with counted_statements(ports.db) as statements:
                assert admin.get(path).status_code == 200
            assert len([text for text in statements if "user_account" in text]) == 2 + len(["the caller"]), statements
            assert all(text.startswith("SELECT") for text in statements)

    @any_database
    def test_a_page_is_found_within_an_index(self, ports: Ports) -> None:
        page = listing._PAGE.params(limit=15, offset=300)
        with ports.db.engine.connect() as connection:
            for statement in (page, listing._COUNT):
                text = statement.compile(ports.db.engine, compile_kwargs={"literal_binds": True})
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
                scans = [row.detail for row in plan if row.detail.startswith("SCAN user_account")]
                assert scans == ["SCAN user_account USING INDEX ix_user_account_present"]


class TestProfiles:
    PROFILE: dict[str, str] = {"email": "else@example.test", "realname": "Else", "comment": "c"}  # noqa: RUF012 - a constant

    @pytest.mark.parametrize("who", ["guest", "admin"])
    def test_own_and_by_an_administrator(self, caller: Caller, people: People, who: str) -> None:
        path = f"/users/{people['guest'].id}"
        assert caller(who).put(path, json=self.PROFILE).status_code == 200
        shown = caller("guest").get(path).json()
        assert {key: shown[key] for key in self.PROFILE} == self.PROFILE
        assert caller(who).put(path, json={"email": "else@example.test"}).status_code == 200
        assert caller("guest").get(path).json().keys().isdisjoint({"realname", "comment"})

    @any_database
    def test_refusals_change_nothing(self, caller: Caller, people: People, ports: Ports) -> None:
        before, own = accounts(ports), f"/users/{people['guest'].id}"
        guest = caller("guest")
        for given, status in (
            ({"email": "master@example.test"}, 409),
            ({"email": ""}, 400),
            ({}, 400),
            ({"email": "a@b", "comment": "x" * 31}, 400),
            ({"email": "a@b", "realname": "x" * 256}, 400),
            ({"email": 3}, 422),
        ):
            assert guest.put(own, json=given).status_code == status
        assert guest.put(f"/users/{people['master'].id}", json=self.PROFILE).status_code == 403
        assert caller(None).put(own, json=self.PROFILE).status_code == 401
        assert accounts(ports) == before


@any_database
def test_administrators_are_made_and_unmade(caller: Caller, people: People, ports: Ports, clock: MovableClock) -> None:
    path = f"/users/{people['guest'].id}/sysadmin"
    assert caller("guest").put(path, json={"sysadmin_flag": True}).status_code == 403
    assert caller("admin").put(path, json={"sysadmin_flag": True}).status_code == 200
    clock.forward(6)
    assert caller("guest").get("/users/current").json()["sysadmin_flag"]
    assert caller("guest").get("/users").status_code == 200
    before = accounts(ports)
    assert caller("guest").put("/users/1/sysadmin", json={"sysadmin_flag": False}).status_code == 403
    assert accounts(ports) == before
    assert caller("guest").put(path, json={}).status_code == 200
    clock.forward(6)
    assert caller("guest").get("/users").status_code == 403


@any_database
def test_robots_hold_what_they_were_granted(caller: Caller, people: People) -> None:
    robot = make_robot(caller("admin"), "people", entry("/", "user:create", "user:list"))
    client = caller(None)
    client.auth = httpx.BasicAuth(*robot.credentials)
    assert client.post("/users", json=body()).status_code == 201
    assert names(client.get("/users?q=username=new")) == ["new"]
    assert names(client.get("/users/search?username=new")) == ["new"]
    assert refusal(client.get("/users/current")) == (
        412,
        "get current user not available for security context: robot",
    )
    for refused in (client.get("/users/2"), client.delete("/users/2"), client.put("/users/2", json={"email": "a@b"})):
        assert refused.status_code == 403
    assert people["master"].id == client.get("/users?q=username=master").json()[0]["user_id"]


@any_database
@pytest.mark.parametrize(
    ("number", "status"),
    [
        *((each, 404) for each in ("0", "-1", str(2**63 - 1))),
        *((each, 422) for each in (str(2**63), "9" * 99, "1e3", "x")),
    ],
)
def test_ids_that_nobody_has_are_refused(admin: httpx.Client, number: str, status: int) -> None:
    calls: tuple[Callable[[], httpx.Response], ...] = (
        lambda: admin.get(f"/users/{number}"),
        lambda: admin.delete(f"/users/{number}"),
        lambda: admin.put(f"/users/{number}", json={"email": "a@b"}),
        lambda: admin.put(f"/users/{number}/password", json={"new_password": PASSWORD}),
        lambda: admin.put(f"/users/{number}/sysadmin", json={"sysadmin_flag": True}),
    )
    assert {call().status_code for call in calls} == {status}


@any_database
def test_what_happened_is_on_record(caller: Caller, people: People, ctx: Context) -> None:
    admin, guest = caller("admin"), people["guest"].id
    admin.post("/users", json=body())
    admin.put(f"/users/{guest}", json={"email": "else@example.test"})
    admin.delete(f"/users/{guest}")
    with ctx.read() as session:
        rows = session.execute(
            sa.select(AuditLog.operation, AuditLog.resource)
            .where(AuditLog.resource_type == "user", AuditLog.username == "admin")
            .order_by(AuditLog.op_time, AuditLog.id)
        ).all()
    assert [row.operation for row in rows] == ["create", "update", "delete"]
