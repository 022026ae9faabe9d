"""Timeouts and retries per kind of step, and two ways to finish a step despite cancellation."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

T = TypeVar("T")

_SHORT: Final = timedelta(seconds=90)
_LONG: Final = timedelta(minutes=20)
_ROWS: Final = RetryPolicy(initial_interval=timedelta(seconds=0.2), maximum_interval=timedelta(seconds=10))
"""For short transactions: retry until the database is available."""
_WORK: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30), maximum_attempts=10
)
"""For long work under a lease: limited, as a permanent fault must not keep the registry read-only."""

TASKS: Final = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
"""For slices of tasks: retry until it succeeds, since task rows limit the attempts of each task."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Runs the activities of a workflow on a task queue with a heartbeat timeout."""

    queue: str
    heartbeat: timedelta = timedelta(seconds=15)
    retry: RetryPolicy = field(default_factory=lambda: _WORK)
    """For ``work``."""

    async def rows(self, name: str, argument: object, result: type[T], *, limit: timedelta = _SHORT) -> T:
        """Run a step that only reads or writes rows."""
        answer: T = await workflow.execute_activity(
            name, argument, result_type=result, task_queue=self.queue, start_to_close_timeout=limit, retry_policy=_ROWS
        )
        return answer

    async def work(self, name: str, argument: object, result: type[T], *, limit: timedelta = _LONG) -> T:
        """Run a step that deletes or takes long: it sends heartbeats, and a cancellation waits for its end."""
        answer: T = await workflow.execute_activity(
            name,
            argument,
            result_type=result,
            task_queue=self.queue,
            start_to_close_timeout=limit,
            heartbeat_timeout=self.heartbeat,
            retry_policy=self.retry,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        return answer


async def to_the_end(step: Coroutine[Any, Any, T]) -> T:
    """Finish the step even if the workflow is cancelled meanwhile; call ``heed_cancellation`` afterwards."""
    task = asyncio.create_task(step)
    while not task.done():
        try:
            await workflow.wait([task])
        except asyncio.CancelledError:
            _uncancel()
    return task.result()


async def all_to_the_end(steps: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run the steps concurrently; return or raise once all have ended, failed or been cancelled."""
    tasks = [asyncio.create_task(step) for step in steps]
    try:
        await workflow.wait(tasks)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await workflow.wait(tasks)
        raise
    return [task.result() for task in tasks]


def heed_cancellation() -> None:
    """Raise CancelledError after a cancellation request, which a step that succeeded may have swallowed."""
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError


def _uncancel() -> None:
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
