"""Fan-out: an execution starts batches of 500 tasks, a batch starts activities for slices in a sliding window."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.progress import LastStep, failure, run_job
from workflows.retry import TASKS, Steps, all_to_the_end, heed_cancellation, to_the_end

with workflow.unsafe.imports_passed_through():
    from app.jobs.contracts import (
        LAST_TASK,
        TASK_BATCH,
        TASK_BATCH_SIZE,
        TASKS_FINISH,
        TASKS_RANGES,
        TASKS_RETRY,
        TASKS_SETTLE,
        BatchDone,
        BatchInput,
        FanOut,
        FanOutInput,
        FanOutState,
        JobOutcome,
        Planned,
        PlanStep,
        Queue,
        Ranges,
        RangesStep,
        Settled,
        SettleStep,
        SliceDone,
        SliceStep,
        Status,
    )

T = TypeVar("T")

_LAST: Final = LastStep(activity=TASKS_FINISH)
_BATCHES: Final = 50
"""How many batches an execution reads at a time."""


async def fan_out(given: FanOutInput, parts: FanOut) -> JobOutcome:
    """Run the whole workflow of an execution with tasks; at its end, whatever the reason, all tasks have ended."""
    return await run_job(given, _Execution(parts).work, last=_LAST, continued=given.handed_over is not None)


class SlidingWindow(Generic[T]):
    """Processes items in order, at most ``width`` concurrently."""

    def __init__(self, width: int, work: Callable[[T], Awaitable[None]], over: Callable[[], bool]) -> None:
        """Process each item by ``work``; begin no further one once ``over`` returns True."""
        self._width = width
        self._work = work
        self._over = over
        self._begun = 0

    async def run(self, items: Sequence[T]) -> int:
        """Process all items, or those begun before ``over`` returned True, to their end; return how many were begun."""
        self._begun = 0
        await all_to_the_end([self._lane(items) for _ in range(min(self._width, len(items)))])
        return self._begun

    async def _lane(self, items: Sequence[T]) -> None:
        while self._begun < len(items) and not self._over():
            item = items[self._begun]
            self._begun += 1
            await self._work(item)
            heed_cancellation()


class _Execution:
    """Plans the tasks of an execution, processes them in batches, and ends it."""

    def __init__(self, parts: FanOut) -> None:
        self._parts = parts
        self._reason = ""
        self._stopped = False
        self._ended = 0

    async def work(self, request: FanOutInput) -> JobOutcome:
        """Plan and process the tasks until each has ended."""
        state = request.handed_over
        if state is None:
            await self._plan(request)
            state = FanOutState(after=0)
        self._reason = state.reason
        after = state.after
        while not self._stopped and (ranges := await _next_batches(after)):
            await self._batches(ranges)
            after = ranges[-1][1]
            if workflow.info().is_continue_as_new_suggested() and not self._stopped:
                handed_over = FanOutState(after=after, reason=self._reason)
                workflow.continue_as_new(replace(request, handed_over=handed_over))
        return await self._settled()

    async def _plan(self, request: FanOutInput) -> None:
        planned = Planned(cursor="", done=False)
        while not planned.done:
            step = PlanStep(cursor=planned.cursor)
            if request.retry_of:
                planned = await Steps(Queue.WORKFLOWS).work(TASKS_RETRY, step, Planned)
            else:
                planned = await Steps(self._parts.queue).work(self._parts.plan, step, Planned)
            heed_cancellation()
        self._stopped = planned.stopped

    async def _batches(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Run a child workflow for each range; a failure of one is kept as the reason and does not stop the others."""
        window = SlidingWindow(self._parts.batches, self._batch, lambda: self._stopped)
        await window.run(ranges)
        heed_cancellation()

    async def _batch(self, bounds: tuple[int, int]) -> None:
        first, last = bounds
        batch = BatchInput(workflow=workflow.info().workflow_type, parts=self._parts, first=first, last=last)
        try:
            done = await workflow.execute_child_workflow(
                TASK_BATCH,
                batch,
                id=f"{workflow.info().workflow_id}/{first}",
                result_type=BatchDone,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                static_summary=f"tasks {first} to {last}",
            )
        except FailureError as error:
            heed_cancellation()
            done = BatchDone(reason=failure(error))
        self._reason = self._reason or done.reason
        self._stopped = self._stopped or done.stopped
        self._ended += 1
        workflow.set_current_details(f"{self._ended} batches of at most {TASK_BATCH_SIZE} tasks ended")

    async def _settled(self) -> JobOutcome:
        stopped = "stopped on request" if self._stopped else ""
        step = SettleStep(
            status=Status.STOPPED if stopped else Status.ERROR, reason=stopped or self._reason or "never begun"
        )
        settled = await to_the_end(Steps(Queue.WORKFLOWS).rows(TASKS_SETTLE, step, Settled))
        return JobOutcome(status=Status.STOPPED if stopped else settled.status, message=stopped or settled.message)


@workflow.defn(name=TASK_BATCH)
class TaskBatch:
    """Starts activities for the open tasks of a range, and goes on when one of them fails for good."""

    @workflow.init
    def __init__(self, batch: BatchInput) -> None:
        self._parts = batch.parts
        self._reason = batch.reason
        self._stopped = False

    @workflow.run
    async def run(self, batch: BatchInput) -> BatchDone:
        """Run activities until each task was processed by one, or a stop was requested."""
        request = RangesStep(
            workflow=batch.workflow,
            size=batch.parts.slice,
            count=TASK_BATCH_SIZE,
            after=batch.first - 1,
            upto=batch.last,
        )
        slices = await _ranges(request)
        heed_cancellation()
        window = SlidingWindow(batch.parts.window, self._slice, self._over)
        begun = await window.run(slices)
        heed_cancellation()
        if begun < len(slices) and not self._stopped:
            workflow.continue_as_new(replace(batch, first=slices[begun][0], reason=self._reason))
        return BatchDone(reason=self._reason, stopped=self._stopped)

    def _over(self) -> bool:
        return self._stopped or workflow.info().is_continue_as_new_suggested()

    async def _slice(self, bounds: tuple[int, int]) -> None:
        step = SliceStep(first=bounds[0], last=bounds[1], tries=self._parts.tries)
        steps = Steps(self._parts.queue, timedelta(seconds=self._parts.silence_seconds), TASKS)
        limit = timedelta(seconds=self._parts.limit_seconds)
        try:
            done = await steps.work(self._parts.step, step, SliceDone, limit=limit)
        except FailureError as error:
            heed_cancellation()
            self._reason = self._reason or failure(error)
        else:
            self._stopped = self._stopped or done.stopped


async def _next_batches(after: int) -> list[tuple[int, int]]:
    request = RangesStep(
        workflow=workflow.info().workflow_type, size=TASK_BATCH_SIZE, count=_BATCHES, after=after, upto=LAST_TASK
    )
    ranges = await _ranges(request)
    heed_cancellation()
    return ranges


async def _ranges(request: RangesStep) -> list[tuple[int, int]]:
    return (await Steps(Queue.WORKFLOWS).rows(TASKS_RANGES, request, Ranges)).ranges
