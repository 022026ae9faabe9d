"""What each configuration key changes that another part of the product reads, seen from outside."""

import hashlib
from collections.abc import Callable

import httpx
import jwt
import pytest
import sqlalchemy as sa
from flask import Flask

from app.artifacts.pulls import PullBuffer
from app.audit.models import AuditLog
from app.context import Context, Ports
from app.projects.models import Project
from tests.integration.conftest import Caller
from tests.support.browser import Browser
from tests.support.clock import MovableClock
from tests.support.configuration import configure
from tests.support.manifests import OCI_MANIFEST, push_image
from tests.support.people import People
from tests.support.robots import entry, make_robot, robot_body
from tests.support.tokens import ask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
_MINUTE = 60
_ACCOUNT = {"username": "new", "password": "Harbor12345", "email": "new@example.test", "realname": "New"}
Pull = Callable[[], tuple[int, bool, int]]


def audit_rows(ports: Ports, operation: str, resource_type: str) -> int:
    query = sa.select(sa.func.count()).where(AuditLog.operation == operation, AuditLog.resource_type == resource_type)
    with ports.db.read() as session:
        return session.scalar(query.where(AuditLog.username != "harbor")) or 0


class TestProjectsAndAccounts:
    """Who may create what."""

    def test_project_creation_restriction(self, admin: httpx.Client, caller: Caller) -> None:
        assert caller("guest").post("/projects", json={"project_name": "one"}).status_code == 201
        configure(admin, project_creation_restriction="adminonly")
        assert caller("guest").post("/projects", json={"project_name": "two"}).status_code == 403
        assert admin.post("/projects", json={"project_name": "two"}).status_code == 201
        assert admin.get("/systeminfo").json()["project_creation_restriction"] == "adminonly"

    def test_self_registration(self, app: Flask, admin: httpx.Client) -> None:
        browser = Browser(app)
        form = {"target": "username", "value": "guest"}
        assert browser.post("/c/userExists", data=form).status_code == 412
        configure(admin, self_registration=True)
        assert browser.post("/c/userExists", data=form).json() is True
        assert browser.get("/api/v2.0/systeminfo").json()["self_registration"] is True

    def test_storage_per_project(self, admin: httpx.Client, ctx: Context) -> None:
        def limit_of(name: str) -> int:
            assert admin.post("/projects", json={"project_name": name}).status_code == 201
            with ctx.read() as session:
                return session.scalar(sa.select(Project.storage_limit).where(Project.name == name)) or 0

        assert limit_of("one") == -1
        configure(admin, storage_per_project=1 << 20)
        assert limit_of("two") == 1 << 20
        configure(admin, quota_per_project_enable=False)
        assert limit_of("three") == -1

    def test_quota_per_project_enable(self, client: httpx.Client, admin: httpx.Client, people: People) -> None:
        configure(admin, storage_per_project=1)
        assert admin.post("/projects", json={"project_name": "small"}).status_code == 201
        client.auth = httpx.BasicAuth(*people["admin"].credentials)
        body = b"x" * 100
        upload = f"/v2/small/app/blobs/uploads/?digest=sha256:{hashlib.sha256(body).hexdigest()}"
        assert client.post(upload, content=body).status_code == 403
        configure(admin, quota_per_project_enable=False)
        assert client.post(upload, content=body).status_code == 201


class TestRobots:
    """Their names and lives."""

    def test_robot_name_prefix(self, admin: httpx.Client, client: httpx.Client, clock: MovableClock) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:pull"))
        assert client.get("/v2/", auth=robot.credentials).status_code == 200
        configure(admin, robot_name_prefix="bot-")
        assert admin.get(f"/robots/{robot.id}").json()["name"] == "bot-ci"
        clock.forward(5)
        assert client.get("/v2/", auth=("bot-ci", robot.secret)).status_code == 200
        assert client.get("/v2/", auth=robot.credentials).status_code == 401

    def test_robot_token_duration(self, admin: httpx.Client, clock: MovableClock) -> None:
        configure(admin, robot_token_duration=3)
        old = {"name": "old", "access": [{"resource": "/project/1/repository", "action": "pull"}]}
        assert admin.post("/projects/private/robots", json=old).status_code == 201
        (robot,) = admin.get("/projects/private/robots").json()
        assert 0 <= clock.now().timestamp() + 3 * 86_400 - robot["expires_at"] < 60
        refused = admin.post("/robots", json=robot_body("new", entry("private", "repository:pull"), duration=0))
        assert refused.status_code == 400


class TestTimes:
    """How long logins and tokens last."""

    def test_session_timeout(self, app: Flask, admin: httpx.Client, clock: MovableClock) -> None:
        configure(admin, session_timeout=10)
        browser = Browser(app).logged_in("guest")
        clock.forward(9 * _MINUTE)
        assert browser.who() == "guest"
        clock.forward(11 * _MINUTE)
        assert browser.who() is None

    def test_session_lifetime(self, app: Flask, admin: httpx.Client, clock: MovableClock) -> None:
        configure(admin, session_lifetime=70)
        browser = Browser(app).logged_in("guest")
        clock.forward(50 * _MINUTE)
        assert browser.who() == "guest"
        clock.forward(21 * _MINUTE)
        assert browser.who() is None

    def test_token_expiration(self, client: httpx.Client, admin: httpx.Client, people: People) -> None:
        def life() -> tuple[int, int]:
            body = ask(client, people["guest"], "repository:private/app:pull").json()
            claims = jwt.decode(body["token"], options={"verify_signature": False})
            return body["expires_in"], claims["exp"] - claims["iat"]

        assert life() == (30 * _MINUTE,) * 2
        configure(admin, token_expiration=5)
        assert life() == (5 * _MINUTE,) * 2

    def test_identity_tokens(self, client: httpx.Client, admin: httpx.Client, people: People) -> None:
        assert "refresh_token" not in ask(client, people["guest"], offline_token="true").json()
        configure(admin, identity_tokens=True)
        assert "refresh_token" in ask(client, people["guest"], offline_token="true").json()


class TestAudit:
    """What is written down."""

    def test_disabled_audit_log_event_types(self, app: Flask, admin: httpx.Client, ports: Ports) -> None:
        configure(admin, disabled_audit_log_event_types="create_project,login_user")
        assert admin.post("/projects", json={"project_name": "new"}).status_code == 201
        Browser(app).logged_in("guest").get("/c/log_out")
        rows = (("create", "project"), ("login", "user"), ("logout", "user"))
        assert [audit_rows(ports, *row) for row in rows] == [0, 0, 1]
        configure(admin, disabled_audit_log_event_types="")
        assert admin.delete("/projects/new").status_code == 200
        assert audit_rows(ports, "delete", "project") == 1

    def test_rows_are_kept_as_long_as_nothing_forwards_them(self, admin: httpx.Client, ports: Ports) -> None:
        configure(admin, skip_audit_log_database=True, audit_log_forward_endpoint="log.test:514")
        assert admin.post("/projects", json={"project_name": "new"}).status_code == 201
        assert audit_rows(ports, "create", "project") == 1


class TestSystemInformation:
    """What anybody is told."""

    def test_banner_notification_and_login(self, admin: httpx.Client, caller: Caller) -> None:
        banner = '{"message":"back at noon","closable":true}'
        configure(admin, banner_message=banner, notification_enable=False, primary_auth_mode=True, read_only=True)
        told = caller(None).get("/systeminfo").json()
        assert (told["banner_message"], told["primary_auth_mode"]) == (banner, True)
        told = caller("guest").get("/systeminfo").json()
        assert (told["notification_enable"], told["read_only"]) == (False, True)


class TestPulls:
    """What pulls leave behind, by switches of the environment."""

    @pytest.fixture
    def environment(self, environment: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
        """Switch what the test's parameter names."""
        name = request.node.callspec.params["switched"]
        return {**environment, **({f"HARBOR_{name}": "true"} if name else {})}

    @pytest.fixture
    def pull(self, client: httpx.Client, people: People, ports: Ports, ctx: Context) -> Pull:
        """Pull once; pulls counted, whether the pull's time is known, rows of the audit log."""
        client.auth = httpx.BasicAuth(*people["admin"].credentials)
        push_image(client, "private/app", "1")

        def run() -> tuple[int, bool, int]:
            accept = {"Accept": OCI_MANIFEST}
            assert client.get("/v2/private/app/manifests/1", headers=accept).status_code == 200
            assert isinstance(ports.pulls, PullBuffer)
            ports.pulls.flush(ctx)
            shown = client.get("/api/v2.0/projects/private/repositories/app").json()
            artifact = client.get("/api/v2.0/projects/private/repositories/app/artifacts/1").json()
            pulled = not artifact["pull_time"].startswith("0001")
            return shown.get("pull_count", 0), pulled, audit_rows(ports, "pull", "artifact")

        return run

    @pytest.mark.parametrize(
        ("switched", "left"),
        [
            ("", (1, True, 1)),
            ("PULL_COUNT_UPDATE_DISABLE", (0, True, 1)),
            ("PULL_TIME_UPDATE_DISABLE", (1, False, 1)),
            ("PULL_AUDIT_LOG_DISABLE", (1, True, 0)),
        ],
    )
    def test_each_switch(self, pull: Pull, switched: str, left: tuple[int, bool, int]) -> None:
        assert pull() == left, switched
