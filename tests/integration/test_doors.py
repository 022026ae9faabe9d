"""The doors of browsers: login, logout, and whether a user exists."""

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.audit.models import AuditLog
from app.context import Context, Ports
from app.db import gate
from app.identity.models import UserSession
from app.identity.service import UserService
from tests.integration.test_api_conventions import error_of
from tests.support.accounts import PASSWORD
from tests.support.browser import Browser
from tests.support.people import People

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def sessions(ports: Ports) -> int:
    with ports.db.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(UserSession)) or 0


@pytest.mark.usefixtures("people")
class TestLogin:
    def test_the_answer_is_empty(self, app: Flask) -> None:
        answer = Browser(app).log_in("guest")
        assert (answer.status_code, answer.content, answer.headers["Cache-Control"]) == (200, b"", "no-store")

    @pytest.mark.parametrize(
        ("name", "password"),
        [
            ("guest", "wrong"),
            ("nobody", PASSWORD),
            ("", PASSWORD),
            ("guest", ""),
            ("gu\0est", PASSWORD),
            ("x" * 300, "y"),
        ],
        ids=["password", "name", "no name", "no password", "NUL", "long"],
    )
    def test_wrong_credentials(self, app: Flask, ports: Ports, name: str, password: str) -> None:
        browser = Browser(app)
        assert error_of(browser.log_in(name, password)) == (401, "UNAUTHORIZED")
        assert (browser.sid, sessions(ports)) == (None, 0)

    @ONE_DATABASE
    def test_forms_that_are_none(self, app: Flask) -> None:
        browser = Browser(app)
        for answer in (
            browser.post("/c/login"),
            browser.post("/c/login", json={"principal": "guest", "password": PASSWORD}),
            browser.post("/c/login?principal=guest&password=" + PASSWORD),
            browser.post("/c/login", data={"principal": ["\ud7ff", "guest"], "password": PASSWORD}),
        ):
            assert error_of(answer) == (401, "UNAUTHORIZED")
        assert browser.post("/c/login", data={"principal": "x" * 9_000_000}).status_code == 413
        assert browser.get("/c/login").status_code == 405

    def test_wrong_credentials_leave_the_session_alone(self, app: Flask) -> None:
        browser = Browser(app).logged_in("guest")
        assert browser.log_in("master", "wrong").status_code == 401
        assert browser.who() == "guest"

    def test_disabled_and_deleted_accounts(self, app: Flask, people: People, ctx: Context) -> None:
        UserService(ctx).disable(people["guest"].id)
        assert error_of(Browser(app).log_in("guest")) == (401, "UNAUTHORIZED")

    def test_guessing_is_slowed_down(self, app: Flask) -> None:
        browser = Browser(app)
        for _ in range(5):
            assert browser.log_in("guest", "wrong").status_code == 401
        refused = browser.log_in("guest", "wrong again")
        assert error_of(refused) == (429, "TOO_MANY_REQUEST")
        assert int(refused.headers["Retry-After"]) >= 1
        assert Browser(app, "192.0.2.7").log_in("guest", "wrong").status_code == 401
        assert browser.log_in("guest").status_code == 200, "the owner is not held up"

    def test_it_stands_in_the_audit_log(self, app: Flask, ports: Ports) -> None:
        Browser(app).logged_in("guest").get("/c/log_out")
        with ports.db.read() as session:
            found = session.scalars(
                sa.select(AuditLog.operation)
                .where(AuditLog.username == "guest")
                .order_by(AuditLog.op_time, AuditLog.id)
            ).all()
        assert found == ["login", "logout"]

    @ONE_DATABASE
    def test_no_answer_leads_elsewhere(self, app: Flask) -> None:
        browser = Browser(app)
        for target in ("?redirect_url=https://evil.test", "?next=//evil.test", "?redirect=/x"):
            form = {"principal": "guest", "password": PASSWORD}
            for answer in (browser.post(f"/c/login{target}", data=form), browser.get(f"/c/log_out{target}")):
                assert answer.status_code == 200
                assert "Location" not in answer.headers

    @ONE_DATABASE
    def test_robots_have_no_sessions(self, app: Flask, ports: Ports, client: httpx.Client) -> None:
        body = {
            "name": "ci",
            "duration": -1,
            "level": "system",
            "permissions": [
                {"kind": "project", "namespace": "*", "access": [{"resource": "repository", "action": "pull"}]}
            ],
        }
        made = client.post("/api/v2.0/robots", json=body, auth=("admin", PASSWORD))
        assert made.status_code == 201, made.text
        robot = made.json()
        refused = Browser(app).log_in(robot["name"], robot["secret"])
        assert error_of(refused) == (401, "UNAUTHORIZED")
        assert sessions(ports) == 0


@pytest.mark.usefixtures("people")
class TestLogout:
    def test_without_a_session(self, app: Flask) -> None:
        browser = Browser(app)
        assert browser.get("/c/log_out").status_code == 200
        browser.cookies.set("sid", "forged", domain="registry.test")
        assert browser.get("/c/log_out").status_code == 200
        assert browser.sid is None

    @ONE_DATABASE
    def test_the_cookie_is_taken_back(self, app: Flask) -> None:
        answer = Browser(app).logged_in("guest").get("/c/log_out")
        assert (answer.status_code, answer.content) == (200, b"")
        assert "sid=;" in answer.headers["Set-Cookie"]

    @ONE_DATABASE
    def test_a_session_ends_even_beside_credentials(self, app: Flask, ports: Ports) -> None:
        browser = Browser(app).logged_in("guest")
        assert browser.get("/c/log_out", auth=("master", PASSWORD)).status_code == 200
        assert (browser.who(), sessions(ports)) == (None, 0)


class TestUserExists:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "HARBOR_SELF_REGISTRATION": "true"}

    @pytest.mark.parametrize(
        ("target", "value", "exists"),
        [
            ("username", "guest", True),
            ("username", "Guest", False),
            ("username", "nobody", False),
            ("username", "", False),
            ("username", "a\0b", False),
            ("username", "%", False),
            ("username", "x" * 10_000, False),
            ("email", "guest@example.test", True),
            ("email", "guest", False),
        ],
        ids=lambda value: str(value)[:20],
    )
    @pytest.mark.usefixtures("people")
    def test_anybody_may_ask(self, app: Flask, target: str, value: str, *, exists: bool) -> None:
        answer = Browser(app).post("/c/userExists", data={"target": target, "value": value})
        assert (answer.status_code, answer.json()) == (200, exists)
        assert answer.headers["Content-Type"].startswith("application/json")

    @ONE_DATABASE
    @pytest.mark.usefixtures("people")
    def test_other_targets(self, app: Flask) -> None:
        for form in ({}, {"target": "password", "value": "x"}, {"target": "", "value": "guest"}):
            assert error_of(Browser(app).post("/c/userExists", data=form)) == (400, "BAD_REQUEST")


@ONE_DATABASE
@pytest.mark.usefixtures("people")
def test_without_self_registration_only_administrators_ask_who_exists(app: Flask) -> None:
    form = {"target": "username", "value": "guest"}
    assert Browser(app).logged_in("admin").post("/c/userExists", data=form).json() is True
    for browser in (Browser(app), Browser(app).logged_in("master")):
        assert error_of(browser.post("/c/userExists", data=form)) == (412, "PRECONDITION")


@pytest.mark.usefixtures("people")
def test_the_doors_stay_open_while_the_registry_is_read_only(app: Flask, ctx: Context) -> None:
    with ctx.write() as session:
        gate.switch(session, on=True)
    browser = Browser(app).logged_in("admin")
    assert browser.post("/c/userExists", data={"target": "username", "value": "guest"}).json() is True
    assert error_of(browser.post("/api/v2.0/projects", json={"project_name": "new"})) == (403, "DENIED")
    assert browser.get("/c/log_out").status_code == 200
    assert browser.who() is None
