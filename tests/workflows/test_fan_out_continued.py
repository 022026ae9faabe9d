"""A job with tasks whose workflows go on in new histories, because the server asks for that early."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from app.context import Context
from app.jobs.contracts import TASK_BATCH, Trigger
from app.jobs.service import JobService
from tests.support.marking.activities import marks
from tests.support.marking.contracts import MARKING, MarkingInput
from tests.support.temporal import TemporalServer
from tests.support.worker import WorkerProcess
from tests.workflows.scene import Scene

pytestmark = [pytest.mark.temporal, pytest.mark.slow]
_EVENTS = 24


@pytest.fixture
def temporal_address(tmp_path: Path) -> Iterator[str]:
    """A server that asks for a new history after a few events."""
    server = TemporalServer(tmp_path, limit_historyCount_suggestContinueAsNew=_EVENTS)
    server.start()
    yield server.address
    server.stop()


@pytest.fixture
def worker(environment: dict[str, str], tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker that knows the tests' own job."""
    process = WorkerProcess(environment, tmp_path / "worker.log", module="tests.support.marking.worker")
    yield process
    process.stop()


def test_every_task_is_worked_once(scene: Scene, ctx: Context, worker: WorkerProcess, tmp_path: Path) -> None:
    worker.start()
    wanted = MarkingInput(folder=str(tmp_path), tasks=1500, failing=1)
    asked = JobService(ctx).start(MARKING, wanted, trigger=Trigger.MANUAL)
    ended = scene.end_of(asked)
    assert (ended.status, ended.status_message) == ("Error", "1500 tasks: 1485 succeeded, 15 failed")
    assert marks(tmp_path) == {str(number): 1 for number in range(1500) if number % 100}
    runs, events = asyncio.run(histories(scene))
    assert runs[TASK_BATCH] >= 3, "each batch went on in another history"
    assert runs[MARKING.workflow] >= 1
    assert events < 3 * _EVENTS


async def histories(scene: Scene) -> tuple[Counter[str], int]:
    """How many runs went on in another one, by type, and how long the longest history is."""
    temporal = scene.ports.settings.temporal
    client = await Client.connect(temporal.address, namespace=temporal.namespace)
    continued: Counter[str] = Counter()
    longest = 0
    async for listed in client.list_workflows(""):
        run = await client.get_workflow_handle(listed.id, run_id=listed.run_id).describe()
        continued[run.workflow_type] += run.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
        longest = max(longest, run.history_length)
    return continued, longest
