"""Ping, health, system information and the caller's own account."""

import shutil
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from app.context import Context, Ports
from app.db import gate
from app.db.types import clock_ms
from app.jobs.models import WorkerProcess
from app.settings import SettingsError
from app.wiring import build
from tests.integration.conftest import AsRobot, Caller
from tests.support.clock import MovableClock
from tests.support.people import People
from tests.support.robots import entry, make_robot


def test_ping_is_plain_text(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/ping")
    assert (answer.status_code, answer.text) == (200, "Pong")
    assert answer.headers["Content-Type"].startswith("text/plain")


def health(client: httpx.Client) -> tuple[str, dict[str, str]]:
    answer = client.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    return body["status"], {component["name"]: component.get("error", "") for component in body["components"]}


def test_health_gives_the_worker_time_to_start(anonymous: httpx.Client, clock: MovableClock) -> None:
    assert health(anonymous) == ("healthy", {"core": "", "database": "", "jobservice": "", "registry": ""})
    clock.forward(29)
    assert health(anonymous)[0] == "healthy"
    clock.forward(2)
    assert health(anonymous)[1]["jobservice"] == "no worker is running"


def test_health_tells_what_is_missing(anonymous: httpx.Client, ctx: Context, clock: MovableClock) -> None:
    clock.forward(60)
    assert health(anonymous) == (
        "unhealthy",
        {"core": "", "database": "", "jobservice": "no worker is running", "registry": ""},
    )
    with ctx.write() as session:
        session.execute(
            sa.insert(WorkerProcess).values(
                id="w",
                host="here",
                pid=1,
                version="1",
                queues=[],
                temporal_reachable=False,
                started_at=ctx.ports.clock.now(),
                heartbeat_at=clock_ms(),
            )
        )
    assert health(anonymous)[0] == "healthy"
    clock.forward(31)
    assert health(anonymous)[1]["jobservice"] == "no worker reaches Temporal"
    with ctx.write() as session:
        session.execute(sa.update(WorkerProcess).values(temporal_reachable=True))
    assert health(anonymous) == ("healthy", {"core": "", "database": "", "jobservice": "", "registry": ""})
    with ctx.write() as session:
        session.execute(sa.update(WorkerProcess).values(heartbeat_at=clock_ms() - 120_000))
    assert health(anonymous)[1]["jobservice"] == "no worker is running"


def test_health_survives_a_lost_storage(anonymous: httpx.Client, ports: Ports) -> None:
    folder = ports.settings.storage.path
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        folder.rename(folder.with_name("elsewhere"))
    folder.write_text("in the way")
    status, components = health(anonymous)
    assert status == "unhealthy"
    assert components["registry"]


def test_nobody_is_told_less_than_somebody(caller: Caller) -> None:
    for_anybody = {
        "auth_mode": "db_auth",
        "banner_message": "",
        "oidc_provider_name": "",
        "primary_auth_mode": False,
        "self_registration": False,
    }
    assert caller(None).get("/systeminfo").json() == for_anybody
    told = caller("stranger").get("/systeminfo").json()
    assert told.pop("current_time").endswith("Z")
    assert told == for_anybody | {
        "external_url": "http://registry.test",
        "registry_url": "registry.test",
        "harbor_version": "v2.16.0-pyharbor",
        "registry_storage_provider_name": "filesystem",
        "project_creation_restriction": "everyone",
        "has_ca_root": False,
        "read_only": False,
        "notification_enable": True,
    }


def test_somebody_is_any_account_or_robot(caller: Caller, admin: httpx.Client, as_robot: AsRobot) -> None:
    robot = as_robot(make_robot(admin, "ci", entry("/", "project:list")))
    for client in (caller("stranger"), admin, robot):
        assert "harbor_version" in client.get("/systeminfo").json()


def test_read_only_is_told(caller: Caller, ctx: Context) -> None:
    with ctx.write() as session:
        gate.switch(session, on=True)
    assert caller("guest").get("/systeminfo").json()["read_only"] is True


class TestVolumes:
    """How much room there is."""

    def test_of_the_disk(self, admin: httpx.Client, tmp_path: Path) -> None:
        (storage,) = admin.get("/systeminfo/volumes").json()["storage"]
        assert storage.keys() == {"total", "free"}
        assert storage["total"] == shutil.disk_usage(tmp_path).total
        assert 0 < storage["free"] < storage["total"]

    def test_is_the_administrators_to_know(self, caller: Caller) -> None:
        assert caller("master").get("/systeminfo/volumes").status_code == 403
        assert caller(None).get("/systeminfo/volumes").status_code == 401

    @pytest.mark.parametrize(("right", "status"), [("system-volumes:read", 200), ("project:list", 403)])
    def test_robots(self, admin: httpx.Client, as_robot: AsRobot, right: str, status: int) -> None:
        robot = as_robot(make_robot(admin, "ci", entry("/", right)))
        assert robot.get("/systeminfo/volumes").status_code == status


class TestCertificate:
    """What clients have to trust."""

    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "HARBOR_EXTERNAL_URL": "https://registry.test"}

    def test_there_is_none(self, caller: Caller) -> None:
        refused = caller(None).get("/systeminfo/getcert")
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (404, "NOT_FOUND")
        assert caller("guest").get("/systeminfo").json()["has_ca_root"] is False

    def test_it_is_a_download(self, caller: Caller, ports: Ports) -> None:
        (ports.settings.data_dir / "ca.crt").write_bytes(b"-----BEGIN CERTIFICATE-----\n")
        answer = caller(None).get("/systeminfo/getcert")
        assert (answer.status_code, answer.content) == (200, b"-----BEGIN CERTIFICATE-----\n")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment; filename=ca.crt"
        assert caller("guest").get("/systeminfo").json()["has_ca_root"] is True

    def test_a_folder_is_none(self, caller: Caller, ports: Ports) -> None:
        (ports.settings.data_dir / "ca.crt").mkdir()
        assert caller(None).get("/systeminfo/getcert").status_code == 404
        assert caller("guest").get("/systeminfo").json()["has_ca_root"] is False


class TestCertificateElsewhere:
    """A certificate at a place of the administrator's choice; one that nobody needs is not announced."""

    @pytest.fixture
    def environment(self, environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
        (tmp_path / "mine.pem").write_bytes(b"mine")
        return {**environment, "HARBOR_CA_PATH": str(tmp_path / "mine.pem")}

    def test_over_plain_http(self, caller: Caller) -> None:
        assert caller(None).get("/systeminfo/getcert").content == b"mine"
        assert caller("guest").get("/systeminfo").json()["has_ca_root"] is False


class TestPins:
    """Configuration that the environment decides."""

    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "HARBOR_SELF_REGISTRATION": "T", "HARBOR_BANNER_MESSAGE": "hello"}

    def test_they_hold(self, anonymous: httpx.Client) -> None:
        told = anonymous.get("/systeminfo").json()
        assert (told["self_registration"], told["banner_message"]) == (True, "hello")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestWrongPins:
    """A configuration key that the environment pins to what it cannot be."""

    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "HARBOR_SESSION_TIMEOUT": "soon", "HARBOR_PROJECT_CREATION_RESTRICTION": "nobody"}

    def test_they_are_named_at_the_start(self, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        from app.settings import load

        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError) as raised:
            build(load())
        assert set(raised.value.mistakes) == {"HARBOR_SESSION_TIMEOUT", "HARBOR_PROJECT_CREATION_RESTRICTION"}


def test_the_caller_is_shown_to_itself(caller: Caller, people: People) -> None:
    shown = caller("guest").get("/users/current").json()
    assert set(shown) == {
        "email",
        "realname",
        "user_id",
        "username",
        "sysadmin_flag",
        "admin_role_in_auth",
        "creation_time",
        "update_time",
    }
    assert (shown["user_id"], shown["username"], shown["sysadmin_flag"]) == (people["guest"].id, "guest", False)
    assert caller("admin").get("/users/current").json()["sysadmin_flag"] is True
    assert caller(None).get("/users/current").status_code == 401


def test_a_robot_has_no_account(admin: httpx.Client, as_robot: AsRobot) -> None:
    refused = as_robot(make_robot(admin, "ci", entry("/", "project:list"))).get("/users/current")
    assert refused.status_code == 412
    assert refused.json()["errors"][0]["code"] == "PRECONDITION"
