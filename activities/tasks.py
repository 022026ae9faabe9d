"""Shared by all jobs with tasks: the activities for ranges, retries and ends, and the frame of a feature's own two."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.context import FINAL_KINDS, context, go_on, own_run, workflow_id
from app.context import Ports
from app.core.errors import DomainError, NotFoundError, PreconditionError
from app.jobs import tasks
from app.jobs.contracts import (
    TASKS_FINISH,
    TASKS_RANGES,
    TASKS_RETRY,
    TASKS_SETTLE,
    FanOutInput,
    JobOutcome,
    JobType,
    Planned,
    PlanStep,
    Ranges,
    RangesStep,
    Settled,
    SettleStep,
    SliceDone,
    SliceStep,
    Status,
)
from app.jobs.runs import JobRun
from app.jobs.task_work import Handler, SliceWork, TaskPage, TaskWork, plan, plan_failed
from app.jobs.tasks import TaskCounters, TaskEnd

_log = structlog.get_logger()
_SOON: Final = timedelta(seconds=1)


class TaskActivities:
    """The activities of executions with tasks that are the same for every feature."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return the activities that a worker registers."""
        return (self.ranges, self.retry, self.settle, self.finish)

    @activity.defn(name=TASKS_RANGES, no_thread_cancel_exception=True)
    def ranges(self, step: RangesStep) -> Ranges:
        """Divide open tasks into ranges for batches or slices."""
        run = slice_run(self._ports, step.workflow)
        with run.ctx.read() as session:
            return Ranges(ranges=tasks.ranges(session, run.require_open().execution_id, step))

    @activity.defn(name=TASKS_RETRY, no_thread_cancel_exception=True)
    def retry(self, step: PlanStep) -> Planned:
        """Insert the failed tasks of the execution that this one retries."""
        run = own_run(self._ports)
        return plan_failed(run, FanOutInput.of(run.require_input()).retry_of, step, go_on)

    @activity.defn(name=TASKS_SETTLE, no_thread_cancel_exception=True)
    def settle(self, step: SettleStep) -> Settled:
        """End the open tasks, batch by batch, and count all tasks by state."""
        counted = _settled(own_run(self._ports), Status(step.status), step.reason)
        return Settled(status=counted.status or Status.SUCCESS, message=counted.sentence)

    @activity.defn(name=TASKS_FINISH, no_thread_cancel_exception=True)
    def finish(self, outcome: JobOutcome) -> None:
        """End the open tasks, then the execution with the number of tasks by state in its message.

        An execution that has ended already is left unchanged.
        """
        run = own_run(self._ports)
        left = Status.STOPPED if outcome.status == Status.STOPPED else Status.ERROR
        try:
            counted = _settled(run, left, outcome.message)
        except (NotFoundError, PreconditionError):
            return
        status = outcome.status if outcome.status != Status.SUCCESS else counted.status or Status.SUCCESS
        message = counted.sentence
        if outcome.message not in {"", message}:
            message = f"{outcome.message}; {message}"
        run.finish(status, message)


def _settled(run: JobRun, status: Status, reason: str) -> TaskCounters:
    execution_id = run.require_open().execution_id
    ended = tasks.MOST
    while ended == tasks.MOST:
        with run.ctx.write() as session:
            ended = tasks.end_open(session, execution_id, status, reason, run.ctx.ports.clock.now())
    with run.ctx.read() as session:
        return tasks.counters(session, [execution_id])[execution_id]


def plan_tasks(ports: Ports, step: PlanStep, page: Callable[[JobRun, str], TaskPage]) -> Planned:
    """Run the plan activity of a feature; ``page`` returns the tasks after a cursor, the same ones at each call."""
    run = own_run(ports)
    return plan(run, step, lambda cursor: page(run, cursor), go_on)


def work_slice(ports: Ports, job: JobType[Any, Any], step: SliceStep, handle: Handler) -> SliceDone:
    """Run the step activity of a feature: claim the slice's tasks, process them by ``handle``, and write their ends.

    When tasks are left to a later attempt, this attempt fails, so that Temporal starts another.
    """
    crashed = activity.info().attempt > 1
    work = SliceWork(run=slice_run(ports, job.workflow), step=step, go_on=go_on, at_once=1 if crashed else tasks.MOST)
    worked = work.do(handle)
    if activity.is_cancelled() or worked.stopped:
        return SliceDone(ended=worked.ended, stopped=worked.stopped)
    if activity.is_worker_shutdown():
        raise _retry_error("this worker is about to end", _SOON)
    if worked.left:
        raise _retry_error(f"{worked.left} tasks are to be tried again")
    return SliceDone(ended=worked.ended)


def one_by_one(handle: Callable[[TaskWork], TaskEnd], tries: int) -> Handler:
    """Return a handler of slices from a handler of one task; a retryable error leaves the task to a later attempt."""

    def handle_all(works: Sequence[TaskWork]) -> Iterator[TaskEnd]:
        for work in works:
            yield _handled(handle, work, tries)

    return handle_all


def _handled(handle: Callable[[TaskWork], TaskEnd], work: TaskWork, tries: int) -> TaskEnd:
    try:
        return handle(work)
    except DomainError as error:
        final = error.kind in FINAL_KINDS or work.task.tries >= tries
        work.log(error.message)
        return TaskEnd(task=work.task, status=Status.ERROR if final else Status.PENDING, reason=error.message)
    except Exception as error:  # noqa: BLE001 - activities are an edge: a defect in one task must not fail its slice
        _log.exception("task_failed", task=work.task.id, key=work.key)
        reason = f"internal error: {type(error).__name__}"
        work.log(reason)
        return TaskEnd(task=work.task, status=Status.ERROR, reason=reason)


def slice_run(ports: Ports, workflow: str) -> JobRun:
    """Return the execution of this workflow or batch; a batch's id begins with the id of its execution's workflow."""
    return JobRun(context(ports), workflow_id().partition("/")[0], workflow)


def _retry_error(reason: str, delay: timedelta | None = None) -> ApplicationError:
    return ApplicationError(reason, type="TasksLeft", category=ApplicationErrorCategory.BENIGN, next_retry_delay=delay)
