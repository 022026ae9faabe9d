"""An execution with tasks, as the tests of task rows see it."""

from dataclasses import dataclass, replace

import sqlalchemy as sa

from app.context import Context
from app.jobs import tasks
from app.jobs.contracts import FanOutInput, JobOutcome, JobType, SliceStep, Trigger
from app.jobs.models import Task
from app.jobs.runs import JobRun
from app.jobs.service import JobService
from app.jobs.task_service import TaskService
from app.jobs.task_work import SliceWork
from app.jobs.tasks import Claim, ClaimedTask, NewTask, TaskCounters, TaskEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyInput(FanOutInput):
    """An input with a parameter of its own."""

    speed: int = 0


JOB: JobType[CopyInput, JobOutcome] = JobType(workflow="Copying", vendor="COPYING", noun="copying")
LAST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One execution and its tasks."""

    ctx: Context
    id: int
    run: JobRun

    def of(self, ctx: Context) -> "Scene":
        """The same execution as another transaction sees it."""
        return replace(self, ctx=ctx)

    def insert(self, *keys: str) -> int:
        """Insert tasks by their keys and return how many there were not yet."""
        with self.ctx.write() as session:
            return tasks.insert(session, self.id, [NewTask(key=key) for key in keys], self.ctx.ports.clock.now())

    def claim(self, limit: int = tasks.MOST) -> list[ClaimedTask]:
        """Claim the first open tasks."""
        with self.ctx.write() as session:
            return tasks.claim(session, self.id, Claim(first=0, last=LAST, limit=limit), self.ctx.ports.clock.now())

    def end(self, *ends: TaskEnd) -> None:
        """End claimed tasks."""
        with self.ctx.write() as session:
            tasks.finish(session, ends, self.ctx.ports.clock.now())

    def states(self) -> dict[str, tuple[str, int]]:
        """Status and number of tries of each task, by key."""
        with self.ctx.read() as session:
            rows = session.execute(sa.select(Task).where(Task.execution_id == self.id)).scalars()
            return {row.natural_key: (row.status, row.run_count) for row in rows}

    def counters(self) -> TaskCounters:
        """How many are in which state."""
        return TaskService(self.ctx).counters([self.id])[self.id]

    def work(self, *, tries: int = 3, at_once: int = tasks.MOST, turns: int = 1000) -> SliceWork:
        """An attempt at all tasks, which asks ``turns`` times whether to go on."""
        left = iter(range(turns))
        step = SliceStep(first=0, last=LAST, tries=tries)
        return SliceWork(run=self.run, step=step, go_on=lambda: next(left, None) is not None, at_once=at_once)


def begun(ctx: Context, speed: int = 0) -> Scene:
    """An execution that has begun and has no tasks yet."""
    service = JobService(ctx)
    execution_id = service.start(JOB, CopyInput(speed=speed), trigger=Trigger.MANUAL)
    run = JobRun(ctx, service.execution(execution_id).workflow_id, JOB.workflow)
    run.begin(0)
    return Scene(ctx=ctx, id=execution_id, run=run)
