"""Workflows that no row asks for, on a real Temporal server: found by its list, cancelled, then terminated."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus

from app.jobs.contracts import JobInput, Queue, Trigger
from app.jobs.dispatcher import Dispatcher
from app.jobs.reconciler import Pace, Reconciler
from app.jobs.service import JobService
from app.jobs.temporal import TemporalBridge
from tests.support.people import People
from tests.support.tidying.contracts import TIDYING
from tests.workflows.scene import Scene, eventually

pytestmark = pytest.mark.temporal
_GONE, _GONE_SCHEDULE = "tidying-0-4711-0123abcd", "schedule-TIDYING-0-2026-11-27T09:00:00Z"
_OTHERS = ("nightly-backup", f"{_GONE}/501")


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in a thread of its own, as the worker's does beside the reconciler's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_it_is_ended_and_nothing_else(scene: Scene, people: People, loop: asyncio.AbstractEventLoop) -> None:
    bridge = TemporalBridge(scene.ports.settings.temporal, loop)
    client = asyncio.run_coroutine_threadsafe(bridge.connected(), loop).result(60)
    service = JobService(scene.ctx)
    asked = service.execution(service.start(TIDYING, JobInput(), trigger=Trigger.MANUAL)).workflow_id
    Dispatcher(scene.ports, bridge).turn()
    for name in (_GONE, _GONE_SCHEDULE, *_OTHERS):
        asyncio.run_coroutine_threadsafe(_start(client, name), loop).result(10)
    reconciler = Reconciler(scene.ports, bridge, [TIDYING], Pace(strays=timedelta()))

    def seen(name: str) -> tuple[WorkflowExecutionStatus | None, list[int]]:
        return asyncio.run_coroutine_threadsafe(_seen(client, name), loop).result(10)

    def ended() -> bool:
        reconciler.pass_once()
        return all(seen(name)[0] is WorkflowExecutionStatus.TERMINATED for name in (_GONE, _GONE_SCHEDULE))

    eventually(ended, "the end of the workflows without a row")
    for name in (_GONE, _GONE_SCHEDULE):
        events = seen(name)[1]
        assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED in events
    for name in (asked, *_OTHERS):
        status, events = seen(name)
        assert status is WorkflowExecutionStatus.RUNNING
        assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED not in events


async def _start(client: Client, name: str) -> None:
    """Start a workflow that no worker ever works on."""
    await client.start_workflow(TIDYING.workflow, JobInput(), id=name, task_queue=Queue.WORKFLOWS)


async def _seen(client: Client, name: str) -> tuple[WorkflowExecutionStatus | None, list[int]]:
    handle = client.get_workflow_handle(name)
    history = await handle.fetch_history()
    return (await handle.describe()).status, [event.event_type for event in history.events]
