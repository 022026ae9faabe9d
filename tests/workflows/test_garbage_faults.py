"""Writes come back however a collection ends: stopped, terminated, killed, contended, without Temporal."""

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.core.errors import UnavailableError
from tests.support.people import People
from tests.support.temporal import TemporalServer
from tests.support.worker import WorkerProcess
from tests.workflows.scene import Scene, eventually

pytestmark = [pytest.mark.temporal, pytest.mark.slow]
_SHORTEST, _SHORT, _PATIENT = 5, 12, 40
"""Seconds of a lease: to see it run out, to be held by a busy machine, and to see another worker come in time."""
_SOME = 300
"""Objects whose deletion takes three seconds and more."""


@pytest.fixture
def lease() -> int:
    """Seconds of the lease that this test's collections ask for."""
    return _SHORT


@pytest.fixture
def scene(ports: Ports, lease: int) -> Scene:
    """Collections of this suite ask for a lease of their own."""
    garbage = replace(ports.settings.garbage, lease=timedelta(seconds=lease))
    short = replace(ports, settings=replace(ports.settings, garbage=garbage))
    return Scene(ports=short, ctx=Context(short, SYSTEM))


@pytest.fixture
def slow_worker(environment: dict[str, str], tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker that needs 10 ms more per object it deletes."""
    process = WorkerProcess(environment, tmp_path / "slow.log", delete_seconds=0.01)
    yield process
    process.stop()


def half_way(scene: Scene, worker: WorkerProcess, count: int = 700, **parameters: int) -> int:
    """A collection that has begun to delete."""
    scene.leave_unreferenced(count)
    worker.start()
    execution = scene.collect(**parameters)
    eventually(lambda: scene.objects() < count - 20, "the first deletions")
    return execution


def test_stopping_a_sweep_gives_writes_back(scene: Scene, people: People, slow_worker: WorkerProcess) -> None:
    execution = half_way(scene, slow_worker, workers=2)
    with pytest.raises(UnavailableError), scene.ctx.write_content():
        pass

    scene.garbage.stop(execution)
    ended = scene.end_of(execution)

    assert (ended.status, ended.status_message) == ("Stopped", "stopped on request")
    left = scene.objects()
    assert left > 0
    with scene.ctx.write_content():
        pass
    again = scene.end_of(scene.collect())
    assert (again.status, scene.objects(), scene.blobs()) == ("Success", 0, 0)


def test_nothing_is_deleted_after_writes_are_back(scene: Scene, people: People, slow_worker: WorkerProcess) -> None:
    execution = half_way(scene, slow_worker)
    scene.garbage.stop(execution)
    eventually(lambda: not scene.gate().read_only, "writes are back")
    left = scene.objects()
    scene.end_of(execution)
    assert scene.objects() == left


@pytest.mark.parametrize("lease", [_SHORTEST])
def test_a_terminated_run_loses_its_lease_by_itself(scene: Scene, people: People, slow_worker: WorkerProcess) -> None:
    execution = half_way(scene, slow_worker, 1500)

    asyncio.run(_terminate(scene, execution))

    eventually(lambda: not scene.gate().read_only, "the lease runs out", 40)
    with scene.ctx.write_content():
        pass


@pytest.mark.parametrize("lease", [_PATIENT])
def test_another_worker_goes_on_where_a_killed_one_was(
    scene: Scene, people: People, slow_worker: WorkerProcess, worker: WorkerProcess
) -> None:
    execution = half_way(scene, slow_worker, _SOME)

    slow_worker.kill()
    assert scene.gate().read_only
    assert scene.objects() > 0
    worker.start()

    ended = scene.end_of(execution)
    assert (ended.status, scene.objects(), scene.blobs()) == ("Success", 0, 0)
    assert ended.extra_attrs == {"purged_blobs": _SOME, "freed_space": 1000 * _SOME}
    assert not scene.gate().read_only


@pytest.mark.parametrize("lease", [_PATIENT])
def test_a_worker_hands_over_at_an_orderly_end(
    scene: Scene, people: People, slow_worker: WorkerProcess, worker: WorkerProcess
) -> None:
    execution = half_way(scene, slow_worker, _SOME)

    assert slow_worker.stop() == 0
    assert scene.objects() > 0
    worker.start()

    ended = scene.end_of(execution)
    assert (ended.status, scene.objects()) == ("Success", 0)


def test_of_two_contenders_one_stops(scene: Scene, people: People, slow_worker: WorkerProcess) -> None:
    first = half_way(scene, slow_worker, 300)

    second = scene.end_of(scene.collect())

    assert (second.status, second.status_message) == ("Stopped", "another garbage collection is running")
    assert scene.end_of(first).status == "Success"


class TestWithoutTemporal:
    """A server of its own, which comes late or breaks."""

    @pytest.fixture
    def own_server(self, tmp_path: Path) -> Iterator[TemporalServer]:
        server = TemporalServer(tmp_path)
        yield server
        server.stop()

    @pytest.fixture
    def temporal_address(self, own_server: TemporalServer) -> str:
        return own_server.address

    def test_what_is_asked_for_waits_and_runs(
        self, scene: Scene, people: People, worker: WorkerProcess, own_server: TemporalServer
    ) -> None:
        scene.leave_unreferenced(3)
        execution = scene.collect()
        worker.start()
        eventually(lambda: "temporal_unreachable" in worker.log, "the worker notices")
        assert (scene.execution(execution).status, worker.running) == ("Pending", True)
        with scene.ctx.write_content():
            pass

        own_server.start()

        assert scene.end_of(execution).status == "Success"
        assert scene.objects() == 0

    @pytest.mark.parametrize("lease", [_PATIENT])
    def test_a_killed_server_comes_back_to_its_runs(
        self, scene: Scene, people: People, slow_worker: WorkerProcess, own_server: TemporalServer
    ) -> None:
        own_server.start()
        execution = half_way(scene, slow_worker, _SOME)

        own_server.stop(signal.SIGKILL)
        assert scene.objects() > 0
        own_server.start()

        ended = scene.end_of(execution)
        assert ended.status == "Success", ended.status_message
        assert (scene.objects(), scene.gate().read_only) == (0, False)


async def _terminate(scene: Scene, execution: int) -> None:
    settings = scene.ports.settings.temporal
    client = await Client.connect(settings.address, namespace=settings.namespace)
    await client.get_workflow_handle(scene.execution(execution).workflow_id).terminate("an operator")
