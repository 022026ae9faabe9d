"""Passwords through the management API, what ends with them, and hashes that came from a Harbor."""

import httpx
import pytest
import sqlalchemy as sa

from app.context import Context, Ports
from app.identity.models import LoginFailure, RefreshToken, User
from app.identity.service import UserService
from tests.integration.conftest import Caller
from tests.support.accounts import PASSWORD
from tests.support.clock import MovableClock
from tests.support.people import People
from tests.support.tokens import SERVICE, bearer

NEW = "Another12345"
any_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """An installation that gives identity tokens."""
    return environment | {"HARBOR_IDENTITY_TOKENS": "true"}


def path_of(people: People, name: str) -> str:
    return f"/users/{people[name].id}/password"


def hash_of(ports: Ports, name: str) -> str | None:
    with ports.db.read() as session:
        return session.execute(sa.select(User.password_hash).where(User.username == name)).scalar_one()


def logs_in(client: httpx.Client, name: str, password: str) -> bool:
    return client.get("/users/current", auth=(name, password)).status_code == 200


def test_people_change_their_own(caller: Caller, people: People) -> None:
    changed = caller("guest").put(path_of(people, "guest"), json={"old_password": PASSWORD, "new_password": NEW})
    assert (changed.status_code, changed.content) == (200, b"")
    nobody = caller(None)
    assert [logs_in(nobody, "guest", password) for password in (PASSWORD, NEW)] == [False, True]


def test_administrators_change_those_of_others(caller: Caller, people: People) -> None:
    assert caller("admin").put(path_of(people, "guest"), json={"new_password": NEW}).status_code == 200
    assert logs_in(caller(None), "guest", NEW)


@any_database
@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        ({"old_password": "Wrong12345", "new_password": NEW}, 403, "Current password is incorrect"),
        ({"new_password": NEW}, 403, "Current password is incorrect"),
        ({"old_password": "A1a" * 350_000, "new_password": NEW}, 403, "Current password is incorrect"),
        ({"old_password": PASSWORD, "new_password": PASSWORD}, 400, "New password is identical to old password"),
        ({"old_password": PASSWORD, "new_password": "weak"}, 400, "new_password must be 8 to 128 characters"),
        ({"old_password": PASSWORD}, 400, "new_password must be"),
        ({"old_password": PASSWORD, "new_password": "A1a" * 350_000}, 400, "new_password must be"),
        ({"old_password": PASSWORD, "new_password": 12345678}, 422, "new_password"),
    ],
)
def test_refusals_change_nothing(
    caller: Caller, people: People, ports: Ports, given: dict[str, object], status: int, message: str
) -> None:
    before = hash_of(ports, "guest")
    refused = caller("guest").put(path_of(people, "guest"), json=given)
    assert refused.status_code == status
    assert message in refused.json()["errors"][0]["message"]
    assert hash_of(ports, "guest") == before


@any_database
def test_nobody_changes_that_of_others(caller: Caller, people: People, ports: Ports) -> None:
    before = hash_of(ports, "guest")
    given = {"old_password": PASSWORD, "new_password": NEW}
    assert caller("master").put(path_of(people, "guest"), json=given).status_code == 403
    assert caller(None).put(path_of(people, "guest"), json=given).status_code == 401
    assert caller("admin").put("/users/777/password", json=given).status_code == 404
    assert hash_of(ports, "guest") == before
    own = caller("admin").put(path_of(people, "admin"), json={"new_password": NEW})
    assert own.status_code == 403


@any_database
def test_guesses_of_the_old_one_are_slowed_down(caller: Caller, people: People) -> None:
    guest, given = caller("guest"), {"old_password": "Wrong12345", "new_password": NEW}
    guest.get("/users/current")
    answers = [guest.put(path_of(people, "guest"), json=given).status_code for _ in range(6)]
    assert answers == [403, 403, 403, 403, 403, 429]


def test_sessions_and_tokens_end(
    caller: Caller, client: httpx.Client, people: People, ports: Ports, clock: MovableClock
) -> None:
    token = bearer(client, people["guest"], "repository:private/app:pull")
    form = {"grant_type": "password", "service": SERVICE, "client_id": "test", "access_type": "offline"}
    granted = client.post("/service/token", data=form | {"username": "guest", "password": PASSWORD})
    refresh = {"grant_type": "refresh_token", "refresh_token": granted.json()["refresh_token"]}
    csrf = {"X-Harbor-CSRF-Token": client.get("/api/v2.0/ping").headers["X-Harbor-CSRF-Token"]}
    login = client.post("/c/login", data={"principal": "guest", "password": PASSWORD}, headers=csrf)
    assert login.status_code == 200, login.text
    assert client.get("/api/v2.0/users/current").json()["username"] == "guest"
    assert caller("admin").put(path_of(people, "guest"), json={"new_password": NEW}).status_code == 200
    clock.forward(6)
    assert client.get("/api/v2.0/users/current").status_code == 401
    assert client.get("/v2/private/app/tags/list", headers=token).status_code == 401
    assert caller(None).post("http://registry.test/service/token", data=form | refresh).status_code == 401
    with ports.db.read() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(RefreshToken)).scalar_one() == 0


@pytest.mark.parametrize(
    "stored",
    [
        "harbor-pbkdf2$sha1$4096$abcdefghijklmnopqrstuvwxyz012345$61c264701628885318f8963654f9d0dd",
        "harbor-pbkdf2$sha256$4096$abcdefghijklmnopqrstuvwxyz012345$283fa77568a29b5503937171a208bebc",
    ],
)
def test_a_harbors_hash_logs_in_and_becomes_ours(
    caller: Caller, client: httpx.Client, people: People, ports: Ports, stored: str
) -> None:
    with ports.db.write() as session:
        session.execute(sa.update(User).where(User.id == people["guest"].id).values(password_hash=stored))
    nobody = caller(None)
    assert not logs_in(nobody, "guest", "Wrong12345")
    assert hash_of(ports, "guest") == stored
    token = bearer(client, people["guest"])
    again = hash_of(ports, "guest")
    assert again is not None
    assert again.startswith("$argon2id$")
    assert logs_in(nobody, "guest", PASSWORD)
    assert hash_of(ports, "guest") == again
    assert client.get("/v2/", headers=token).status_code == 200


@any_database
def test_who_is_shut_out_comes_back(caller: Caller, people: People, ctx: Context, clock: MovableClock) -> None:
    guest, users = caller("guest"), UserService(ctx)
    assert guest.get("/users/current").status_code == 200
    for disabled, status in ((True, 401), (False, 200)):
        users.disable(people["guest"].id, disabled=disabled)
        clock.forward(6)
        assert guest.get("/users/current").status_code == status
    version = users.get(people["guest"].id).version
    users.disable(people["guest"].id, disabled=False)
    assert users.get(people["guest"].id).version == version


@any_database
def test_a_right_guess_is_no_failure(caller: Caller, people: People, ports: Ports) -> None:
    given = {"old_password": PASSWORD, "new_password": NEW}
    assert caller("guest").put(path_of(people, "guest"), json=given).status_code == 200
    with ports.db.read() as session:
        assert session.execute(sa.select(LoginFailure)).all() == []
