"""What every job with tasks shares: ranges, the end of what is open, and the frames of a feature's two activities."""

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
    """The steps of every execution with tasks that do not depend on what the tasks are."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """What a worker registers."""
        return (self.ranges, self.retry, self.settle, self.finish)

    @activity.defn(name=TASKS_RANGES, no_thread_cancel_exception=True)
    def ranges(self, step: RangesStep) -> Ranges:
        """Cut open tasks into ranges, of batches or of slices."""
        run = _run(self._ports, step.workflow)
        with run.ctx.read() as session:
            return Ranges(ranges=tasks.ranges(session, run.standing().execution_id, step))

    @activity.defn(name=TASKS_RETRY, no_thread_cancel_exception=True)
    def retry(self, step: PlanStep) -> Planned:
        """Insert the failed tasks of the execution that this one tries again."""
        run = own_run(self._ports)
        return plan_failed(run, FanOutInput.of(run.asked_for()).retry_of, step, go_on)

    @activity.defn(name=TASKS_SETTLE, no_thread_cancel_exception=True)
    def settle(self, step: SettleStep) -> Settled:
        """End what is open, batch by batch, and count."""
        counted = _settled(own_run(self._ports), Status(step.status), step.reason)
        return Settled(status=counted.status or Status.SUCCESS, message=counted.sentence)

    @activity.defn(name=TASKS_FINISH, no_thread_cancel_exception=True)
    def finish(self, outcome: JobOutcome) -> None:
        """End what is open as the execution ends, then the execution; its message tells how many tasks ended how.

        Final is final: an execution that had ended before stays as it is.
        """
        run = own_run(self._ports)
        left = Status.STOPPED if outcome.status == Status.STOPPED else Status.ERROR
        try:
            counted = _settled(run, left, outcome.message)
        except (NotFoundError, PreconditionError):
            return
        status = outcome.status if outcome.status != Status.SUCCESS else counted.status or Status.SUCCESS
        told = counted.sentence
        if outcome.message not in {"", told}:
            told = f"{outcome.message}; {told}"
        run.finish(status, told)


def _settled(run: JobRun, status: Status, reason: str) -> TaskCounters:
    execution_id = run.standing().execution_id
    ended = tasks.MOST
    while ended == tasks.MOST:
        with run.ctx.write() as session:
            ended = tasks.end_open(session, execution_id, status, reason, run.ctx.ports.clock.now())
    with run.ctx.read() as session:
        return tasks.counters(session, [execution_id])[execution_id]


def plan_tasks(ports: Ports, step: PlanStep, page: Callable[[JobRun, str], TaskPage]) -> Planned:
    """Do a feature's plan: ``page`` returns the tasks behind a cursor, the same ones however often it is asked."""
    run = own_run(ports)
    return plan(run, step, lambda cursor: page(run, cursor), go_on)


def work_slice(ports: Ports, job: JobType[Any, Any], step: SliceStep, handle: Handler) -> SliceDone:
    """Do a feature's step: claim the slice's tasks, let ``handle`` work them, and write how each ended.

    Tasks that are left to a later attempt make this one fail, so that Temporal begins another.
    """
    crashed = activity.info().attempt > 1
    work = SliceWork(run=_run(ports, job.workflow), step=step, go_on=go_on, at_once=1 if crashed else tasks.MOST)
    worked = work.do(handle)
    if activity.is_cancelled() or worked.stopped:
        return SliceDone(ended=worked.ended, stopped=worked.stopped)
    if activity.is_worker_shutdown():
        raise _again("this worker is about to end", _SOON)
    if worked.left:
        raise _again(f"{worked.left} tasks are to be tried again")
    return SliceDone(ended=worked.ended)


def one_by_one(handle: Callable[[TaskWork], TaskEnd], tries: int) -> Handler:
    """Make a handler of slices from one of a single task; an error that may pass leaves it to a later attempt."""

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
    except Exception as error:  # noqa: BLE001 - activities are an edge: one task's fault is not the fate of its slice
        _log.exception("task_failed", task=work.task.id, key=work.key)
        reason = f"internal error: {type(error).__name__}"
        work.log(reason)
        return TaskEnd(task=work.task, status=Status.ERROR, reason=reason)


def _run(ports: Ports, workflow: str) -> JobRun:
    """The execution whose workflow this is, or whose batch: a batch's id begins with the id of its execution's."""
    return JobRun(context(ports), workflow_id().partition("/")[0], workflow)


def _again(reason: str, delay: timedelta | None = None) -> ApplicationError:
    return ApplicationError(reason, type="TasksLeft", category=ApplicationErrorCategory.BENIGN, next_retry_delay=delay)
