"""Sessions of browsers: who is behind the cookie, for how long, and what ends it."""

import secrets
from collections.abc import Callable
from http.cookies import SimpleCookie

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.access.principals import Principal, PrincipalKind
from app.context import Context, Ports
from app.core.errors import UnauthenticatedError
from app.factory import create_app
from app.identity.models import UserSession
from app.identity.service import UserService
from app.identity.sessions import SessionStore
from tests.support.accounts import PASSWORD
from tests.support.browser import Browser
from tests.support.clock import MovableClock
from tests.support.people import People
from tests.support.queries import counted_statements

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CURRENT = "/api/v2.0/users/current"


def rows(ports: Ports) -> list[UserSession]:
    with ports.db.read() as session:
        return list(session.scalars(sa.select(UserSession)))


def set_cookie(answer: httpx.Response, name: str) -> SimpleCookie:
    (header,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith(name + "=")]
    return SimpleCookie(header)


class TestLogin:
    def test_the_cookie_is_somebody(self, app: Flask, people: People) -> None:
        browser = Browser(app)
        assert browser.who() is None
        browser.logged_in("guest")
        assert browser.who() == people["guest"].name

    def test_rights_are_the_users(self, app: Flask, people: People) -> None:
        guest, admin = Browser(app).logged_in("guest"), Browser(app).logged_in(people["admin"].name)
        assert [p["name"] for p in guest.get("/api/v2.0/projects").json()] == ["private", "public"]
        assert guest.get("/api/v2.0/system/gc").status_code == 403
        assert admin.get("/api/v2.0/system/gc").status_code == 200

    @pytest.mark.usefixtures("people")
    def test_the_id_is_known_to_the_cookie_only(self, app: Flask, ports: Ports) -> None:
        browser = Browser(app).logged_in("guest")
        (row,) = rows(ports)
        assert browser.sid is not None
        assert len(browser.sid) == 43
        assert row.id_hash == ports.keys.keyed_hash("session", browser.sid)
        assert browser.sid not in row.id_hash

    @pytest.mark.usefixtures("people")
    def test_the_cookie_is_hidden_from_scripts_and_other_sites(self, app: Flask) -> None:
        cookie = set_cookie(Browser(app).log_in("guest"), "sid")["sid"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Lax", "/", "")

    @ONE_DATABASE
    @pytest.mark.usefixtures("people")
    def test_only_a_login_sets_it(self, app: Flask) -> None:
        browser = Browser(app).logged_in("guest")
        for path in ("/api/v2.0/ping", CURRENT, "/api/v2.0/nothing", "/service/token?service=harbor-registry"):
            assert not [each for each in browser.get(path).headers.get_list("set-cookie") if "sid" in each]

    @pytest.mark.usefixtures("people")
    def test_each_login_makes_a_new_id_and_ends_the_old_session(self, app: Flask, ports: Ports) -> None:
        planted = "A" * 43
        browser = Browser(app)
        browser.cookies.set("sid", planted, domain="registry.test")
        first = browser.logged_in("guest").sid
        second = browser.logged_in("guest").sid
        assert len({planted, first, second}) == 3
        assert len(rows(ports)) == 1

    @pytest.mark.usefixtures("people")
    def test_sessions_of_many_browsers_stand_side_by_side(self, app: Flask) -> None:
        browsers = [Browser(app).logged_in(name) for name in ("guest", "guest", "master")]
        assert [browser.who() for browser in browsers] == ["guest", "guest", "master"]
        browsers[0].get("/c/log_out")
        assert [browser.who() for browser in browsers] == [None, "guest", "master"]

    def test_none_begins_when_the_account_changed_meanwhile(self, ports: Ports, people: People, ctx: Context) -> None:
        person = people["guest"]
        account = UserService(ctx).get(person.id)
        proven = Principal(kind=PrincipalKind.USER, id=person.id, name=person.name, version=account.version)
        UserService(ctx).disable(person.id)
        UserService(ctx).disable(person.id, disabled=False)
        with pytest.raises(UnauthenticatedError):
            SessionStore(ports).open(ctx, proven)
        assert rows(ports) == []


class TestHttps:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "HARBOR_EXTERNAL_URL": "https://registry.test"}

    @ONE_DATABASE
    @pytest.mark.usefixtures("people")
    def test_cookies_are_for_https_only(self, app: Flask) -> None:
        with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="https://registry.test") as client:
            first = client.get("/api/version")
            token = {"X-Harbor-CSRF-Token": first.headers["X-Harbor-CSRF-Token"]}
            login = client.post("/c/login", data={"principal": "guest", "password": PASSWORD}, headers=token)
            assert login.status_code == 200
            for answer, name in ((first, "__Host-_gorilla_csrf"), (login, "__Host-sid")):
                cookie = set_cookie(answer, name)[name]
                assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
            assert client.get(CURRENT).status_code == 200
            sid = client.cookies["__Host-sid"]
            for name, status in (("sid", 401), ("__Host-sid", 200)):
                with httpx.Client(transport=client._transport, base_url=client.base_url, cookies={name: sid}) as other:
                    assert other.get(CURRENT).status_code == status
            assert client.get("/c/log_out").status_code == 200
            assert "__Host-sid" not in client.cookies


class TestEnd:
    @pytest.mark.usefixtures("people")
    def test_logout(self, app: Flask, ports: Ports) -> None:
        browser = Browser(app).logged_in("guest")
        sid = browser.sid
        assert browser.get("/c/log_out").status_code == 200
        assert (browser.sid, browser.who(), rows(ports)) == (None, None, [])
        browser.cookies.set("sid", str(sid), domain="registry.test")
        assert browser.who() is None

    @pytest.mark.parametrize(
        "change",
        [
            lambda users, person: users.set_password(person, "Another12345"),
            lambda users, person: users.disable(person),
        ],
        ids=["password", "disabled"],
    )
    def test_a_changed_account_is_out_with_the_next_request(
        self, app: Flask, ports: Ports, people: People, ctx: Context, change: Callable[[UserService, int], None]
    ) -> None:
        browsers = [Browser(app).logged_in("guest"), Browser(create_app(ports)).logged_in("guest")]
        other = Browser(app).logged_in("master")
        change(UserService(ctx), people["guest"].id)
        assert [browser.who() for browser in browsers] == [None, None]
        assert other.who() == "master"
        assert len(rows(ports)) == 1

    def test_a_password_changed_by_its_owner(self, app: Flask, people: People) -> None:
        here, there = Browser(app).logged_in("guest"), Browser(app).logged_in("guest")
        path = f"/api/v2.0/users/{people['guest'].id}/password"
        changed = here.put(path, json={"old_password": PASSWORD, "new_password": "Another12345"})
        assert changed.status_code == 200, changed.text
        assert (here.who(), there.who()) == (None, None)
        assert there.log_in("guest", "Another12345").status_code == 200
        assert there.who() == "guest"

    def test_new_rights_hold_at_once(self, app: Flask, people: People, ctx: Context) -> None:
        browser = Browser(app).logged_in("guest")
        UserService(ctx).set_sysadmin(people["guest"].id, sysadmin=True)
        assert browser.get("/api/v2.0/system/gc").status_code == 200
        UserService(ctx).set_sysadmin(people["guest"].id, sysadmin=False)
        assert browser.get("/api/v2.0/system/gc").status_code == 403


class TestTime:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "HARBOR_SESSION_TIMEOUT": "10"}

    @pytest.mark.usefixtures("people")
    def test_it_ends_when_nobody_comes(self, app: Flask, clock: MovableClock) -> None:
        browser = Browser(app).logged_in("guest")
        clock.forward(599)
        assert browser.who() == "guest"
        clock.forward(601)
        assert browser.who() is None

    @pytest.mark.usefixtures("people")
    def test_who_comes_back_stays(self, app: Flask, clock: MovableClock) -> None:
        browser = Browser(app).logged_in("guest")
        for _ in range(5):
            clock.forward(400)
            assert browser.who() == "guest"

    @pytest.mark.usefixtures("people")
    def test_it_is_renewed_at_most_every_tenth(self, app: Flask, ports: Ports, clock: MovableClock) -> None:
        browser = Browser(app).logged_in("guest")
        (before,) = rows(ports)
        clock.forward(50)
        browser.who()
        assert rows(ports)[0].renewed_at == before.renewed_at
        clock.forward(15)
        browser.who()
        (after,) = rows(ports)
        assert 60 <= (after.renewed_at - before.renewed_at).total_seconds() <= 75
        assert (after.expires_at - after.renewed_at).total_seconds() == 600

    @pytest.mark.usefixtures("people")
    def test_a_poll_may_ask_not_to_renew(self, app: Flask, clock: MovableClock) -> None:
        browser = Browser(app).logged_in("guest")
        for _ in range(2):
            clock.forward(290)
            assert browser.get(CURRENT, headers={"X-Harbor-No-Session-Renewal": "true"}).status_code == 200
        clock.forward(30)
        assert browser.who() is None

    @pytest.mark.usefixtures("people")
    def test_logins_forget_what_has_run_out(self, app: Flask, ports: Ports, clock: MovableClock) -> None:
        for name in ("guest", "master"):
            Browser(app).logged_in(name)
        clock.forward(601)
        Browser(app).logged_in("developer")
        assert len(rows(ports)) == 1


@ONE_DATABASE
class TestCost:
    def test_nobody_costs_nothing(self, app: Flask, ports: Ports) -> None:
        browser = Browser(app)
        with counted_statements(ports.db) as statements:
            assert browser.get("/api/v2.0/ping").status_code == 200
            assert browser.who() is None
        assert statements == []

    @pytest.mark.usefixtures("people")
    def test_a_session_costs_one_query(self, app: Flask, ports: Ports) -> None:
        browser = Browser(app).logged_in("guest")
        with counted_statements(ports.db) as statements:
            assert browser.get("/api/v2.0/ping").status_code == 200
            assert statements == []
            assert browser.who() == "guest"
        assert len([each for each in statements if "user_session" in each]) == 1

    @pytest.mark.usefixtures("people")
    def test_an_authorization_header_decides_alone(self, app: Flask, ports: Ports) -> None:
        browser = Browser(app).logged_in("guest")
        with counted_statements(ports.db) as statements:
            assert browser.get(CURRENT, auth=("master", PASSWORD)).json()["username"] == "master"
            assert browser.get(CURRENT, auth=("master", "wrong")).status_code == 401
            assert browser.get(CURRENT, headers={"Authorization": "Bearer x"}).status_code == 401
        assert not [each for each in statements if "user_session" in each]


@ONE_DATABASE
@pytest.mark.usefixtures("people")
class TestHostile:
    @pytest.mark.parametrize(
        "sid",
        ["", "x", "A" * 43, "A" * 128, "A" * 129, "A" * 10_000, "1", "%00", "\xff", "' OR 1=1 --", '"quoted"', "a b"],
        ids=lambda sid: f"{len(sid)} {sid[:20]!r}",
    )
    def test_forged_ids_are_nobody(self, app: Flask, sid: str) -> None:
        Browser(app).logged_in("guest")
        answer = app.test_client(use_cookies=False).get(CURRENT, headers={"Cookie": f"sid={sid}"})
        assert answer.status_code == 401

    @pytest.mark.parametrize(
        "cookies",
        ["=", ";;;", "x" * 10_000, "a=b; " * 3000, "remember_token=1|forged", "session=.eJw.x.y", "\x01\x02=\x03"],
        ids=lambda text: f"{len(text)} {text[:20]!r}",
    )
    def test_other_cookies_do_not_matter(self, app: Flask, cookies: str) -> None:
        sid = Browser(app).logged_in("guest").sid
        alone = app.test_client(use_cookies=False).get(CURRENT, headers={"Cookie": cookies})
        beside = app.test_client(use_cookies=False).get(CURRENT, headers={"Cookie": f"sid={sid}; {cookies}"})
        assert (alone.status_code, beside.status_code) == (401, 200)

    def test_a_changed_id_is_another_one(self, app: Flask) -> None:
        browser = Browser(app).logged_in("guest")
        sid = str(browser.sid)
        for changed in (sid.swapcase(), sid[:-1], sid + "A", sid[::-1], secrets.token_urlsafe(32)):
            browser.cookies.set("sid", changed, domain="registry.test")
            assert browser.who() is None

    def test_the_registry_knows_no_cookies(self, app: Flask) -> None:
        browser = Browser(app).logged_in("admin")
        assert browser.get("/v2/").status_code == 401
        assert browser.get("/v2/_catalog").status_code == 401
