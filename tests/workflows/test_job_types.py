"""A job type that exists only in the tests is one row more in the list, and runs as every other does."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client

from app.context import Ports
from app.core.query import ListQuery
from app.jobs.models import Schedule
from app.jobs.rules import Due
from app.jobs.schedules import ScheduleService
from app.jobs.service import ExecutionRef, JobService
from tests.support.people import People
from tests.support.tidying.contracts import TIDYING, TidyingInput
from tests.support.worker import WorkerProcess
from tests.workflows.scene import Scene, eventually
from workflows import worker as worker_main
from workflows.completeness import JobListError
from workflows.job_types import JOBS

pytestmark = pytest.mark.temporal
_SCHEDULE = "schedule-TIDYING-0"


@pytest.fixture
def worker(environment: dict[str, str], tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker whose list of jobs has one row more."""
    process = WorkerProcess(environment, tmp_path / "worker.log", module="tests.support.tidying.worker")
    process.start()
    yield process
    process.stop()


def runs(scene: Scene) -> list[ExecutionRef]:
    """The job's executions, the newest first."""
    return list(JobService(scene.ctx).list(TIDYING.vendor, ListQuery()).items)


def trigger(scene: Scene) -> None:
    """Let the schedule start a run now."""
    settings = scene.ports.settings.temporal

    async def start() -> None:
        client = await Client.connect(settings.address, namespace=settings.namespace)
        await client.get_schedule_handle(_SCHEDULE).trigger()

    asyncio.run(start())


def at_temporal(scene: Scene, workflow_id: str) -> tuple[dict[str, object], str | None, str]:
    """What Temporal's UI shows of a run: search attributes, summary and current details."""
    settings = scene.ports.settings.temporal

    async def look() -> tuple[dict[str, object], str | None, str]:
        client = await Client.connect(settings.address, namespace=settings.namespace)
        handle = client.get_workflow_handle(workflow_id)
        described = await handle.describe()
        metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        attributes = {pair.key.name: pair.value for pair in described.typed_search_attributes}
        shown = {name: value for name, value in attributes.items() if name.startswith("Hb")}
        return shown, await described.static_summary(), metadata.current_details

    return asyncio.run(look())


def is_synced(scene: Scene) -> bool:
    """Whether Temporal has the job's schedule as its row says."""
    own = sa.select(Schedule.generation, Schedule.synced_generation).where(Schedule.vendor_type == TIDYING.vendor)
    return [row.generation == row.synced_generation for row in scene.ports.db.rows(own)] == [True]


def test_it_runs_when_it_is_asked_for(scene: Scene, people: People, worker: WorkerProcess) -> None:
    wanted = TidyingInput(rooms=3, project="library")
    asked = ScheduleService(scene.ctx).apply(TIDYING, wanted, Due(kind="Manual"), vendor_id=4)
    assert asked is not None
    ended = scene.end_of(asked)
    assert (ended.status, ended.status_message, ended.trigger) == ("Success", "9 things put away", "MANUAL")
    assert ended.extra_attrs == {"things": 9}
    assert [line.split(" ", 1)[1] for line in JobService(scene.ctx).log(asked).splitlines()] == [
        "room 0 is tidy",
        "room 1 is tidy",
        "room 2 is tidy",
    ]
    attributes = {
        "HbVendor": "TIDYING",
        "HbVendorId": 4,
        "HbTrigger": "MANUAL",
        "HbOperator": "harbor",
        "HbProject": "library",
        "HbExecutionId": asked,
    }
    summary = f"TIDYING execution {asked}, manual, project library, by harbor"
    assert at_temporal(scene, ended.workflow_id) == (attributes, summary, "Success. 9 things put away")
    assert ended.workflow_id.startswith(f"tidying-4-{asked}-")


def test_it_runs_by_its_schedule(scene: Scene, people: People, worker: WorkerProcess) -> None:
    eventually(lambda: is_synced(scene), "the schedule")
    trigger(scene)
    eventually(lambda: len(runs(scene)) == 1, "the run of the schedule")
    ended = scene.end_of(runs(scene)[0].id)
    assert (ended.status, ended.trigger, ended.input["rooms"]) == ("Success", "SCHEDULE", 2)
    assert (ended.extra_attrs, ended.operator) == ({"things": 6}, "harbor")
    attributes = {
        "HbVendor": "TIDYING",
        "HbVendorId": 0,
        "HbTrigger": "SCHEDULE",
        "HbOperator": "harbor",
        "HbProject": "library",
        "HbPolicy": "spring",
        "HbExecutionId": ended.id,
    }
    summary = "TIDYING on schedule, project library, policy spring, by harbor"
    assert at_temporal(scene, ended.workflow_id) == (attributes, summary, "Success. 6 things put away")
    assert ended.workflow_id.startswith(f"{_SCHEDULE}-")


def test_it_is_stopped(scene: Scene, people: People, worker: WorkerProcess) -> None:
    asked = ScheduleService(scene.ctx).apply(TIDYING, TidyingInput(rooms=2000), Due(kind="Manual"))
    assert asked is not None
    eventually(lambda: bool(scene.execution(asked).extra_attrs), "the first room")
    JobService(scene.ctx).stop(asked)
    ended = scene.end_of(asked)
    assert (ended.status, ended.status_message) == ("Stopped", "stopped on request")


def test_a_worker_whose_list_forgets_a_job_does_not_start(ports: Ports) -> None:
    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(JobListError, match="the job type STORAGE_CHECK is in no row"):
            worker_main.WorkerProcess(ports, loop, [job for job in JOBS if job.kind.vendor != "STORAGE_CHECK"])
    finally:
        loop.close()
