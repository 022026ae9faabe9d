"""One installation through its life: stopped, started again, hurt and healed, two of them side by side."""

import base64
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.collecting import collect
from tests.e2e.conftest import create_project
from tests.e2e.images import Layout
from tests.e2e.programs import run
from tests.e2e.shells import crane_of
from tests.e2e.waiting import eventually
from tests.support.instance import PASSWORD, Instance, running

_START_SECONDS = 10
"""On a machine that does nothing else."""
_STOP_SECONDS = 15
_ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an installation keeps its data."""
    return tmp_path / "data"


@pytest.fixture
def started(folder: Path) -> Iterator[Instance]:
    """An installation of this test alone; the test may stop it."""
    with running(folder) as instance:
        yield instance


@pytest.fixture(scope="module")
def hardy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An installation that several tests hurt, one after the other; each leaves it healthy."""
    with running(tmp_path_factory.mktemp("hardy") / "data") as instance:
        yield instance


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything(started: Instance, by: signal.Signals) -> None:
    assert started.process is not None
    pids = started.pids("")
    assert len(pids) >= 4
    before = time.monotonic()
    started.process.send_signal(by)
    assert started.process.wait(_STOP_SECONDS) == 0
    assert time.monotonic() - before < _STOP_SECONDS
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    for port in (started.port, started.temporal_port, started.ui_port):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))


def test_make_up_until_ctrl_c(folder: Path) -> None:
    instance = Instance(folder=folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    with instance.log.open("wb") as log:
        instance.process = subprocess.Popen(
            ["make", "up"],
            cwd=_ROOT,
            env=environment | instance.variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        eventually(lambda: "docker login" in instance.log.read_text(encoding="utf-8"), seconds=60)
        assert _pings(instance)
        pids = instance.pids("")
    finally:
        os.killpg(instance.process.pid, signal.SIGINT)  # as a terminal does: to make and all that it runs
        instance.process.wait(_STOP_SECONDS)
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_a_transfer_in_flight_does_not_hold_up_the_stop(started: Instance) -> None:
    project = create_project(started)
    with started.client() as client:
        begun = client.post(f"/v2/{project}/app/blobs/uploads/")
        assert begun.status_code == 202, begun.text
    stopped = threading.Event()

    def trickle() -> Iterator[bytes]:
        while not stopped.wait(0.2):
            yield b"x" * 1000

    def send() -> None:
        with started.client() as client:
            try:
                client.patch(begun.headers["location"], content=trickle())
            except httpx.TransportError:
                return

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(1)
    before = time.monotonic()
    try:
        assert started.stop() == 0
        assert time.monotonic() - before < _STOP_SECONDS
    finally:
        stopped.set()
        sender.join()


def test_the_next_start_continues_on_the_same_data(started: Instance, layout: Layout, tmp_path: Path) -> None:
    project = create_project(started)
    crane = crane_of(started, tmp_path)
    crane("push", str(layout.folder), f"{started.host}/{project}/app:1")
    assert started.stop() == 0

    started.environment["HARBOR_ADMIN_PASSWORD"] = "Another12345"
    before = time.monotonic()
    started.start()
    assert time.monotonic() - before < _START_SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))

    assert crane("digest", f"{started.host}/{project}/app:1") == layout.digest
    with started.client() as client:
        assert client.get("/api/v2.0/users/current").json()["username"] == "admin"
    collect(started)


def test_the_password_is_generated_and_shown_once(folder: Path) -> None:
    with running(folder, HARBOR_ADMIN_PASSWORD="") as instance:
        text = _log_with(instance, "docker login")
        password = re.search(r"password\s+(\S+)", text)
        assert password
        assert f"docker login {instance.host}" in text
        with instance.client(password=password[1]) as client:
            assert client.get("/api/v2.0/users/current").json()["sysadmin_flag"] is True
        instance.stop()
        instance.log.unlink()
        instance.start()
        assert password[1] not in _log_with(instance, "docker login")
    assert {path.stat().st_mode & 0o777 for path in (folder / "secrets").iterdir()} == {0o600}
    assert not list((folder / "run").glob("*password*"))


def test_nothing_outlives_a_killed_supervisor_and_a_start_works_at_once(started: Instance) -> None:
    for _ in range(2):
        assert started.process is not None
        eventually(lambda: len(started.pids("gunicorn")) == 3)
        pids = started.pids("")
        assert {"gunicorn", "workflows.worker", "server start-dev"} <= {
            name for name in ("gunicorn", "workflows.worker", "server start-dev") if started.pids(name)
        }
        with _upload_that_hangs(started):
            os.kill(started.process.pid, signal.SIGKILL)
            started.process.wait(_STOP_SECONDS)
            started.start()
            eventually(lambda gone=pids: not [pid for pid in gone if Path(f"/proc/{pid}").exists()], seconds=8)  # type: ignore[misc] # the lambda's default has no type
    collect(started)


def test_a_second_start_on_the_same_folder_is_refused(hardy: Instance) -> None:
    assert hardy.process is not None
    said = _refusal(Instance(folder=hardy.folder))
    assert f"'pyharbor up' runs on it as process {hardy.process.pid}" in said
    assert _pings(hardy)


def test_a_folder_that_others_may_read_is_refused(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    assert f"run 'chmod 700 {folder}'" in _refusal(Instance(folder=folder))
    assert not list(folder.iterdir())


def test_lost_keys_are_not_made_anew(folder: Path) -> None:
    with running(folder) as instance:
        instance.stop()
        key = folder / "secrets" / "pepper-key"
        key.rename(folder / "kept")
        said = _refusal(instance)
        assert f"{key} is gone" in said
        assert "restore" in said
        assert not key.exists()
        (folder / "kept").rename(key)
        instance.start()


@pytest.mark.parametrize("name", ["gunicorn", "workflows.worker", "server start-dev"])
def test_a_killed_process_is_started_again(hardy: Instance, name: str) -> None:
    before = hardy.pids(name)
    assert before
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before))
    eventually(lambda: len(hardy.pids(name)) == len(before))
    eventually(lambda: _pings(hardy))
    collect(hardy)


def test_a_killed_web_worker_is_replaced(hardy: Instance) -> None:
    eventually(lambda: len(hardy.pids("gunicorn")) == 3)
    arbiter, *workers = hardy.pids("gunicorn")
    os.kill(workers[0], signal.SIGKILL)
    eventually(lambda: len(set(hardy.pids("gunicorn")) - {workers[0]}) == 3)
    assert arbiter in hardy.pids("gunicorn")
    assert _pings(hardy)


def test_two_installations_side_by_side(hardy: Instance, layout: Layout, tmp_path: Path) -> None:
    with running(tmp_path / "other") as other:
        made = {instance.port: create_project(instance) for instance in (hardy, other)}
        for instance in (hardy, other):
            project = made[instance.port]
            crane_of(instance, tmp_path)("push", str(layout.folder), f"{instance.host}/{project}/app:1")
            with instance.client() as client:
                names = {entry["name"] for entry in client.get("/api/v2.0/projects").json()}
            assert names & set(made.values()) == {project}
            assert "library" in names
            collect(instance)


@pytest.mark.parametrize("variable", ["HARBOR_PORT", "HARBOR_TEMPORAL_PORT", "HARBOR_TEMPORAL_UI_PORT"])
def test_a_busy_port_is_one_clear_sentence(folder: Path, variable: str) -> None:
    instance = Instance(folder=folder)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", int(instance.variables[variable])))
        busy.listen()
        said = _refusal(instance)
    assert variable in said
    assert instance.variables[variable] in said


@pytest.mark.parametrize("place", ["in the way/data", "/proc/pyharbor"])
def test_an_unwritable_folder_is_one_clear_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "in the way").touch()
    folder = tmp_path / place
    said = _refusal(Instance(folder=folder))
    assert str(folder) in said
    assert "HARBOR_DATA_DIR" in said


def test_all_mistakes_are_named_at_once(folder: Path) -> None:
    wrong = {"HARBOR_LOG_LEVEL": "loud", "HARBOR_GC_TIME_WINDOW": "soon", "HARBOR_WEB_WORKERS": "0"}
    instance = Instance(folder=folder, environment=wrong)
    said = _start(instance)
    assert said.returncode == 1
    assert all(f"{name}: " in said.stderr for name in wrong)
    assert not folder.exists()


@contextlib.contextmanager
def _upload_that_hangs(instance: Instance) -> Iterator[None]:
    """A request in flight whose body does not arrive."""
    with instance.client() as client:
        place = client.post("/v2/library/slow/blobs/uploads/").headers["Location"]
    with socket.create_connection(("127.0.0.1", instance.port)) as connection:
        lines = [f"PATCH {httpx.URL(place).raw_path.decode()} HTTP/1.1", f"Host: {instance.host}", "Content-Length: 9"]
        credentials = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        lines += [f"Authorization: Basic {credentials}", "Content-Type: application/octet-stream", "", "half"]
        connection.sendall("\r\n".join(lines).encode())
        time.sleep(0.5)
        yield


def _refusal(instance: Instance) -> str:
    """What a start that is refused says: one line, exit code 1."""
    done = _start(instance)
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def _start(instance: Instance) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-m", "app.cli", "up"], environment=instance.variables, seconds=60)


def _pings(instance: Instance) -> bool:
    try:
        return httpx.get(f"{instance.url}/api/v2.0/ping", timeout=5).is_success
    except httpx.TransportError:
        return False


def _log_with(instance: Instance, text: str) -> str:
    eventually(lambda: text in instance.log.read_text(encoding="utf-8"))
    return instance.log.read_text(encoding="utf-8")
