"""Whoever reaches Temporal can start a workflow with any input: what it may do stands in the database's rows."""

import asyncio
import secrets
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest
import sqlalchemy as sa
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError

from app.artifacts.models import Artifact
from app.artifacts.uploads import UploadService
from app.core.reference import RepositoryName
from app.garbage.contracts import GARBAGE_COLLECTION, UPLOAD_PURGE_JOB, PurgeInput
from app.garbage.service import GarbageParameters
from app.jobs.contracts import Queue, Trigger
from app.jobs.models import Execution, Schedule
from app.jobs.rules import Due
from app.jobs.service import JobService
from app.storage.models import Upload
from tests.support.manifests import push_image
from tests.support.worker import WorkerProcess
from tests.workflows.scene import Scene, eventually

pytestmark = [
    pytest.mark.temporal,
    pytest.mark.parametrize("garbage_environment", [{"HARBOR_GC_TIME_WINDOW": "2h"}]),
]
_GREEDY: Final[dict[str, Any]] = {"window_ms": 0, "delete_untagged": True, "delete_tag": True, "workers": 2}
_HANDED_OVER: Final = {"fence": 1, "cutoff_ms": 2**50, "cursors": [0, 0]}
_SCHEDULES: Final = 3
"""Of collections, of the purge of uploads, and of checks of the storage."""


@pytest.fixture
def content(scene: Scene, registry: httpx.Client, worker: WorkerProcess) -> Scene:
    """Young garbage, an untagged artifact, an upload in progress, and a worker that has put its own schedules."""
    push_image(registry, "public/app", None, seed=1)
    scene.leave_unreferenced(5)
    UploadService(scene.ctx).start(RepositoryName("public/app"))
    scene.garbage.schedule(Due(kind="Daily"), GarbageParameters(), create=True)
    worker.start()
    eventually(lambda: synced(scene), "Temporal has the schedules")
    return scene


def run(scene: Scene, workflow: str, given: dict[str, Any], workflow_id: str = "") -> str:
    """Start the workflow as a stranger would; returns how it ended, by its error when it failed."""

    async def started() -> object:
        settings = scene.ports.settings.temporal
        client = await Client.connect(settings.address, namespace=settings.namespace)
        name = workflow_id or f"gc-0-1-{secrets.token_hex(4)}"
        handle = await client.start_workflow(workflow, given, id=name, task_queue=Queue.WORKFLOWS)
        result = asyncio.wait_for(handle.result(), 60)
        return (await asyncio.gather(result, return_exceptions=True))[0]

    outcome: object = asyncio.run(started())
    if isinstance(outcome, dict):
        return str(outcome["status"])
    assert isinstance(outcome, WorkflowFailureError)
    assert isinstance(outcome.cause, ActivityError)
    assert isinstance(outcome.cause.cause, ApplicationError)
    assert outcome.cause.cause.non_retryable
    return outcome.cause.cause.message


def synced(scene: Scene) -> bool:
    rows = scene.ports.db.rows(sa.select(Schedule.id).where(Schedule.generation == Schedule.synced_generation))
    return len(rows) == len(schedules(scene)) == _SCHEDULES


def schedules(scene: Scene) -> dict[str, int]:
    return {row.vendor_type: row.id for row in scene.ports.db.rows(sa.select(Schedule.vendor_type, Schedule.id))}


def counts(scene: Scene) -> tuple[int, int, int, int]:
    """Objects, blobs, artifacts and upload sessions."""
    artifacts, uploads = (
        scene.ports.db.rows(sa.select(sa.func.count()).select_from(table))[0][0] for table in (Artifact, Upload)
    )
    return scene.objects(), scene.blobs(), artifacts, uploads


def test_what_no_row_asks_for_does_nothing(content: Scene, subtests: pytest.Subtests) -> None:
    before, known = counts(content), schedules(content)
    collections, purge = (known[job.vendor] for job in (GARBAGE_COLLECTION, UPLOAD_PURGE_JOB))
    for workflow, schedule, prefix in (
        (GARBAGE_COLLECTION.workflow, None, ""),
        (GARBAGE_COLLECTION.workflow, 4711, ""),
        (GARBAGE_COLLECTION.workflow, purge, ""),
        (GARBAGE_COLLECTION.workflow, purge, "schedule-SYSTEM_ARTIFACT_CLEANUP-0-"),
        (GARBAGE_COLLECTION.workflow, collections, ""),
        (UPLOAD_PURGE_JOB.workflow, None, ""),
        (UPLOAD_PURGE_JOB.workflow, collections, "schedule-GARBAGE_COLLECTION-0-"),
        (UPLOAD_PURGE_JOB.workflow, purge, ""),
    ):
        with subtests.test(workflow=workflow, schedule=schedule, prefix=prefix):
            given = {**_GREEDY, "expiry_seconds": 0, "finished_seconds": 0}
            if schedule is not None:
                given["schedule_id"] = schedule
            ended = run(content, workflow, given, prefix and prefix + secrets.token_hex(4))
            assert ended.startswith("nothing asked for workflow ")
            assert counts(content) == before
            assert content.ports.db.rows(sa.select(Execution.id)) == []
            assert not content.gate().read_only


def test_a_sweep_that_nobody_handed_over_does_nothing(content: Scene) -> None:
    before = counts(content)
    ended = run(content, GARBAGE_COLLECTION.workflow, {**_GREEDY, "handed_over": _HANDED_OVER})
    assert ended.startswith("nothing asked for workflow ")
    assert counts(content) == before


def test_the_row_of_another_type_is_not_its_own(content: Scene) -> None:
    before = counts(content)
    jobs = JobService(content.ctx)
    with content.ctx.write() as session:
        asked = jobs.execution(jobs.start(UPLOAD_PURGE_JOB, PurgeInput(), trigger=Trigger.MANUAL))
        session.execute(sa.update(Execution).values(dispatched_at=content.ports.clock.now()))
    ended = run(content, GARBAGE_COLLECTION.workflow, _GREEDY, asked.workflow_id)
    assert ended.startswith("nothing asked for workflow ")
    assert counts(content) == before
    assert content.execution(asked.id).status == "Pending"


def test_what_is_asked_for_goes_by_its_row(content: Scene, subtests: pytest.Subtests) -> None:
    """A schedule's own workflow, started with an input that nobody asked for."""
    before = counts(content)
    content.garbage.schedule(Due(kind="Daily"), GarbageParameters(dry_run=True))
    schedule = schedules(content)[GARBAGE_COLLECTION.vendor]
    lies: list[dict[str, Any]] = [{}, {"dry_run": False}, {"handed_over": None, "lease_ms": 1}]
    for number, lie in enumerate(lies):
        with subtests.test(lie=lie):
            given = {**_GREEDY, "schedule_id": schedule, **lie}
            name = f"schedule-GARBAGE_COLLECTION-0-{number}"
            assert run(content, GARBAGE_COLLECTION.workflow, given, name) == "Success"
            assert counts(content) == before
            ran = sa.select(Execution.input, Execution.extra_attrs).where(Execution.workflow_id == name)
            (row,) = content.ports.db.rows(ran)
            assert (row.input["dry_run"], row.input["window_ms"]) == (True, 2 * 3_600_000)
            assert row.extra_attrs == {"purged_blobs": 0, "purged_manifests": 0, "freed_space": 0}


def test_the_window_and_the_expiry_are_those_of_the_settings(content: Scene) -> None:
    before = counts(content)
    known = schedules(content)
    given = {**_GREEDY, "schedule_id": known[GARBAGE_COLLECTION.vendor], "dry_run": False}
    assert run(content, GARBAGE_COLLECTION.workflow, given, "schedule-GARBAGE_COLLECTION-0-now") == "Success"
    purge = {"expiry_seconds": 0, "finished_seconds": 0, "schedule_id": schedules(content)[UPLOAD_PURGE_JOB.vendor]}
    assert run(content, UPLOAD_PURGE_JOB.workflow, purge, "schedule-SYSTEM_ARTIFACT_CLEANUP-0-now") == "Success"
    assert counts(content) == before
    content.age(timedelta(hours=3).total_seconds())
    assert content.end_of(content.collect()).extra_attrs["purged_blobs"] == 5
