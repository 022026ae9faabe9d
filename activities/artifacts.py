"""The activities of deletion jobs; each is idempotent, also after a crash."""

from collections.abc import Callable, Sequence
from typing import Any

from temporalio import activity

from activities.tasks import one_by_one, plan_tasks, slice_run, work_slice
from app.access.principals import SYSTEM
from app.artifacts import contracts
from app.artifacts.contracts import DELETION, DeletionInput
from app.artifacts.deletion_jobs import resume_sweeps
from app.artifacts.deletion_tasks import DeletionTasks
from app.context import Context, Ports
from app.jobs.contracts import Planned, PlanStep, SliceDone, SliceStep
from app.jobs.runs import JobRun
from app.jobs.task_work import TaskPage


class DeletionActivities:
    """The plan and the step of deletion jobs."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return the activities that a worker registers."""
        return (self.plan, self.step)

    @activity.defn(name=contracts.DELETION_PLAN, no_thread_cancel_exception=True)
    def plan(self, step: PlanStep) -> Planned:
        """Add no task: they were inserted with the execution."""
        return plan_tasks(self._ports, step, _nothing)

    @activity.defn(name=contracts.DELETION_STEP, no_thread_cancel_exception=True)
    def step(self, step: SliceStep) -> SliceDone:
        """Delete what the tasks of a slice name."""
        run = slice_run(self._ports, DELETION.workflow)
        tasks = DeletionTasks(run.ctx, DeletionInput.of(run.require_input()))
        return work_slice(self._ports, DELETION, step, one_by_one(tasks.do, step.tries))


def _nothing(_run: JobRun, _cursor: str) -> TaskPage:
    return TaskPage(tasks=(), done=True)


def install_sweeps(ports: Ports) -> None:
    """Resume the deletion of hidden repositories that no job is at work on; called when a worker starts."""
    resume_sweeps(Context(ports, SYSTEM))
