"""Without Temporal: pushes and pulls as ever, and a collection that was asked for runs when it is back."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import httpx
import pytest

from app.db.database import Database
from tests.faults import logs, soundness
from tests.faults.conftest import create_project, eventually
from tests.faults.test_disk_full import pulled
from tests.support.blobs import content_of, push
from tests.support.instance import Instance
from tests.support.manifests import push_image
from tests.support.temporal import TemporalServer

pytestmark = pytest.mark.temporal
_PUSHES = 10
_CALL_SECONDS = 4
"""Less than a call to Temporal is given."""


@pytest.fixture
def temporal(tmp_path: Path) -> Iterator[TemporalServer]:
    """A Temporal server that the test starts and stops itself."""
    server = TemporalServer(tmp_path)
    yield server
    server.stop()


def collect(client: httpx.Client) -> str:
    """Ask for a collection; its location."""
    answer = client.post("/api/v2.0/system/gc/schedule", json={"schedule": {"type": "Manual"}})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def status(client: httpx.Client, location: str) -> str:
    """What became of a collection."""
    return str(client.get(location).json()["job_status"])


@pytest.mark.parametrize("there_before", [True, False], ids=["killed", "never there"])
def test_nothing_but_jobs_waits_for_temporal(
    start: Callable[..., Instance], temporal: TemporalServer, look: Callable[[Instance], Database], there_before: bool
) -> None:
    if there_before:
        temporal.start()
    instance = start(HARBOR_TEMPORAL_ADDRESS=temporal.address, HARBOR_GC_TIME_WINDOW="0s")
    name = f"{create_project(instance)}/app"
    with instance.client() as client:
        if there_before:
            first = collect(client)
            eventually(lambda: status(client, first) == "Success")
            temporal.stop(signal.SIGKILL)

        kept = push_image(client, name, "kept", layers=3)
        assert pulled(client, name, "kept") == kept
        doomed = push(client, name, content_of(10_000, 5))
        asked = [collect(client), collect(client)]
        push_image(client, name, "later", seed=6)
        assert pulled(client, name, "kept") == kept
        assert [status(client, each) for each in asked] == ["Pending", "Pending"]
        assert client.get(f"/v2/{name}/blobs/{doomed}").status_code == 200
        stopped = collect(client)
        assert client.put(stopped).status_code == 200

        temporal.start()
        eventually(lambda: {status(client, each) for each in asked} <= {"Success", "Stopped"})
        assert "Success" in {status(client, each) for each in asked}, "one of two that meet gives way to the other"
        eventually(lambda: status(client, stopped) == "Stopped")
        assert client.get(f"/v2/{name}/blobs/{doomed}").status_code == 404
        assert pulled(client, name, "kept") == kept
    assert soundness.faults(look(instance), instance.folder / "blobs") == []
    assert logs.traces(instance) == []


@pytest.mark.alone
def test_a_temporal_that_hangs_holds_nobody_up(start: Callable[..., Instance], temporal: TemporalServer) -> None:
    temporal.start()
    instance = start(HARBOR_TEMPORAL_ADDRESS=temporal.address, HARBOR_GC_TIME_WINDOW="0s")
    name = f"{create_project(instance)}/app"
    with instance.client() as client:
        first = collect(client)
        eventually(lambda: status(client, first) == "Success")
        usual = median(_seconds_of_a_push(client, name, number) for number in range(_PUSHES))
        temporal.send(signal.SIGSTOP)
        asked = collect(client)
        hanging = [_seconds_of_a_push(client, name, number) for number in range(_PUSHES, 2 * _PUSHES)]
        assert median(hanging) < 3 * usual + 0.1
        assert max(hanging) < _CALL_SECONDS, "none waited for a call to time out"
        kept = push_image(client, name, "kept")
        assert pulled(client, name, "kept") == kept
        assert status(client, asked) == "Pending"
        temporal.send(signal.SIGCONT)
        eventually(lambda: status(client, asked) == "Success")
    assert logs.traces(instance) == []


def _seconds_of_a_push(client: httpx.Client, name: str, number: int) -> float:
    """How long an image and its pull take."""
    began = time.monotonic()
    manifest = push_image(client, name, f"timed-{number}", seed=100 + number)
    assert pulled(client, name, f"timed-{number}") == manifest
    return time.monotonic() - began
