"""Jobs with tasks on a real Temporal server: planned, worked in batches, ended truthfully, failed ones tried again."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from app.context import Context
from app.core.paging import OffsetPage
from app.core.query import Exact, ListQuery, Term
from app.jobs.contracts import Trigger
from app.jobs.service import JobService
from app.jobs.task_service import TaskService
from tests.support.marking.activities import marked_bytes, marks
from tests.support.marking.contracts import MARKING, MarkingInput
from tests.support.worker import WorkerProcess
from tests.workflows.scene import Scene, eventually

pytestmark = [pytest.mark.temporal, pytest.mark.slow]


@pytest.fixture
def worker(environment: dict[str, str], tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker that knows the tests' own job."""
    process = WorkerProcess(environment, tmp_path / "worker.log", module="tests.support.marking.worker")
    yield process
    process.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where tasks write their keys."""
    path = tmp_path / "marks"
    path.mkdir()
    return path


def start(ctx: Context, folder: Path, **asked: int) -> int:
    wanted = MarkingInput(folder=str(folder), **asked)  # type: ignore[arg-type]
    return JobService(ctx).start(MARKING, wanted, trigger=Trigger.MANUAL)


@pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_every_task_ends_and_only_failed_ones_are_tried_again(
    scene: Scene, ctx: Context, worker: WorkerProcess, folder: Path
) -> None:
    worker.start()
    asked = start(ctx, folder, tasks=1200, failing=5)
    ended = scene.end_of(asked)
    assert (ended.status, ended.status_message) == ("Error", "1200 tasks: 1140 succeeded, 60 failed")
    assert marks(folder) == {str(number): 1 for number in range(1200) if number % 100 >= 5}
    service = TaskService(ctx)
    failed = service.list(
        asked, ListQuery(terms=(Term(key="status", condition=Exact(value="Error")),), page=OffsetPage(size=1))
    )
    assert (failed.total, failed.items[0].status_message) == (60, "not before it is mended")
    assert service.log(asked, failed.items[0].id).endswith("Z not before it is mended\n")
    (folder / "mended").touch()
    again = scene.end_of(service.retry_failed(MARKING, MarkingInput, asked))
    assert (again.status, again.status_message) == ("Success", "60 tasks: 60 succeeded")
    assert marks(folder) == {str(number): 1 for number in range(1200)}
    assert scene.execution(asked) == ended


def test_a_stop_in_the_middle_is_told_as_it_is(scene: Scene, ctx: Context, worker: WorkerProcess, folder: Path) -> None:
    worker.start()
    asked = start(ctx, folder, tasks=20_000)
    eventually(lambda: marked_bytes(folder) > 2000, "a beginning")
    JobService(ctx).stop(asked)
    ended = scene.end_of(asked)
    counted = TaskService(ctx).counters([asked])[asked]
    assert (ended.status, ended.status_message) == ("Stopped", f"stopped on request; {counted.sentence}")
    assert counted.success_task_count + counted.stopped_task_count == counted.task_count
    assert counted.stopped_task_count > 0
    assert len(marks(folder)) == counted.success_task_count


def test_an_execution_without_tasks_is_a_success(
    scene: Scene, ctx: Context, worker: WorkerProcess, folder: Path
) -> None:
    worker.start()
    ended = scene.end_of(start(ctx, folder))
    assert (ended.status, ended.status_message) == ("Success", "0 tasks")


def test_a_plan_that_fails_ends_what_it_had_planned(
    scene: Scene, ctx: Context, worker: WorkerProcess, folder: Path
) -> None:
    worker.start()
    asked = start(ctx, folder, tasks=2000, broken_at=1000)
    ended = scene.end_of(asked)
    assert (ended.status, ended.status_message) == ("Error", "the catalog cannot be read; 1000 tasks: 1000 failed")
    task = TaskService(ctx).list(asked, ListQuery(page=OffsetPage(size=1))).items[0]
    assert (task.status, task.status_message) == ("Error", "the catalog cannot be read")
    assert marks(folder) == {}


def test_a_batch_that_is_terminated_does_not_lose_the_others(
    scene: Scene, ctx: Context, worker: WorkerProcess, folder: Path
) -> None:
    worker.start()
    asked = start(ctx, folder, tasks=5000)
    eventually(lambda: marked_bytes(folder) > 2000, "a beginning")
    asyncio.run(terminate_a_batch(scene, asked))
    ended = scene.end_of(asked)
    counted = TaskService(ctx).counters([asked])[asked]
    assert (ended.status, ended.status_message) == ("Error", counted.sentence)
    assert 0 < counted.error_task_count < 500
    assert counted.success_task_count == 5000 - counted.error_task_count
    failed = ListQuery(terms=(Term(key="status", condition=Exact(value="Error")),), page=OffsetPage(size=1))
    assert "terminated" in TaskService(ctx).list(asked, failed).items[0].status_message.lower()


async def terminate_a_batch(scene: Scene, execution_id: int) -> None:
    """Terminate the last batch that is at work, which has the most left to do."""
    temporal = scene.ports.settings.temporal
    client = await Client.connect(temporal.address, namespace=temporal.namespace)
    for first in reversed(range(1, 5000, 500)):
        batch = client.get_workflow_handle(f"{scene.execution(execution_id).workflow_id}/{first}")
        with suppress(RPCError):
            if (await batch.describe()).status is WorkflowExecutionStatus.RUNNING:
                await batch.terminate()
                return
    raise AssertionError("no batch was at work")
