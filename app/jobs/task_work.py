"""Planning and processing tasks: insert pages of new tasks, claim open ones, have the feature process and end them."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.core.errors import PreconditionError
from app.jobs import tasks
from app.jobs.contracts import FINAL, Planned, PlanStep, SliceStep, Status
from app.jobs.runs import JobRun
from app.jobs.task_logs import Log
from app.jobs.tasks import Claim, ClaimedTask, NewTask, Progress, TaskEnd

_WRITE_SECONDS: Final = 1.0
"""The longest time before ended tasks and progress are written."""
_AT_ONCE: Final = 50
_LINES: Final = 100
"""Log lines that are kept in memory before they are written."""
_PLAN_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """The next tasks, at most 500, and the cursor of the tasks after them; ``done`` when there are none."""

    tasks: Sequence[NewTask]
    cursor: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """The result of a slice: how many tasks ended or were left to a later attempt, and whether a stop was requested."""

    ended: int = 0
    left: int = 0
    stopped: bool = False


class TaskWork:
    """A claimed task that the feature processes."""

    def __init__(self, run: JobRun, task: ClaimedTask, go_on: Callable[[], bool]) -> None:
        self.task = task
        self.go_on = go_on
        """Send a heartbeat; a long task calls it every few seconds. False: return soon with the end Pending."""
        self._run = run
        self._lines: list[str] = []
        self._progress = Progress()
        self._write_at = time.monotonic() + _WRITE_SECONDS

    @property
    def key(self) -> str:
        """The key of the task's subject."""
        return self.task.key

    @property
    def attrs(self) -> dict[str, Any]:
        """The attributes that the plan gave the task."""
        return dict(self.task.attrs)

    def log(self, text: str) -> None:
        """Add a line to the task's log."""
        self._lines.append(text)
        self._write_if_due()

    def progress(self, progress: Progress) -> None:
        """Record the progress of the task; it is written at most once a second."""
        self._progress = progress
        self._write_if_due()

    def taken_lines(self) -> list[str]:
        """Return and clear the lines that are not written yet; the caller writes them."""
        lines, self._lines = self._lines, []
        return lines

    def _write_if_due(self) -> None:
        if time.monotonic() < self._write_at and len(self._lines) < _LINES:
            return
        with self._run.ctx.write(durable=False) as session:
            now = self._run.ctx.ports.clock.now()
            tasks.show_progress(session, self.task, self._progress, now)
            Log(task_id=self.task.id).append(session, now, self.taken_lines())
        self._write_at = time.monotonic() + _WRITE_SECONDS


Handler = Callable[[Sequence[TaskWork]], Iterable[TaskEnd]]
"""Processes tasks in any order and yields the end of each; tasks without an end are left to a later attempt."""


@dataclass(slots=True, kw_only=True)
class SliceWork:
    """One attempt at a slice. Ends are written in batches; after a crash, tasks without an end are still open."""

    run: JobRun
    step: SliceStep
    go_on: Callable[[], bool]
    at_once: int = tasks.MOST
    """How many tasks are claimed together; 1 after a crash, so that only a task that was begun counts as tried."""
    _works: dict[int, TaskWork] = field(default_factory=dict)
    _waiting: list[TaskEnd] = field(default_factory=list)
    _write_at: float = 0.0
    _ended: int = 0
    _left: int = 0

    def do(self, handle: Handler) -> Worked:
        """Process tasks until none is open after the last claimed one, a stop is requested, or ``go_on`` is False."""
        after = self.step.first
        stopped = False
        while self.go_on():
            claimed = self._claim(after)
            if not claimed:
                stopped = claimed is None
                break
            after = claimed[-1].id + 1
            self._work([task for task in claimed if task.tries <= self.step.tries], handle)
        return Worked(ended=self._ended, left=self._left, stopped=stopped)

    def _claim(self, first: int) -> list[ClaimedTask] | None:
        """Claim the next tasks; return None after a stop request. Raises PreconditionError for an ended execution."""
        ctx = self.run.ctx
        with ctx.write(durable=False) as session:
            standing = self.run.require_open()
            if standing.stop_requested:
                return None
            now = ctx.ports.clock.now()
            claimed = tasks.claim(
                session, standing.execution_id, Claim(first=first, last=self.step.last, limit=self.at_once), now
            )
            spent = [task for task in claimed if task.tries > self.step.tries]
            reason = f"begun {self.step.tries} times and never ended"
            tasks.finish(session, [TaskEnd(task=task, status=Status.ERROR, reason=reason) for task in spent], now)
        self._ended += len(spent)
        return claimed

    def _work(self, claimed: Sequence[ClaimedTask], handle: Handler) -> None:
        self._works = {task.id: TaskWork(self.run, task, self.go_on) for task in claimed}
        self._write_at = time.monotonic() + _WRITE_SECONDS
        for end in handle(list(self._works.values())):
            self._waiting.append(end)
            if len(self._waiting) >= _AT_ONCE or time.monotonic() >= self._write_at:
                self._write()
            if not self.go_on():
                break
        ended = {end.task.id for end in self._waiting}
        left = [work.task for number, work in self._works.items() if number not in ended]
        self._waiting += [TaskEnd(task=task, status=Status.PENDING) for task in left]
        self._write()

    def _write(self) -> None:
        """Write the waiting ends and the lines of their tasks' logs."""
        ends, self._waiting = self._waiting, []
        with self.run.ctx.write() as session:
            now = self.run.ctx.ports.clock.now()
            tasks.finish(session, ends, now)
            for end in ends:
                lines = self._works.pop(end.task.id).taken_lines()
                if lines:
                    Log(task_id=end.task.id).append(session, now, lines)
        left = sum(end.status not in FINAL for end in ends)
        self._left += left
        self._ended += len(ends) - left
        self._write_at = time.monotonic() + _WRITE_SECONDS


def plan(run: JobRun, step: PlanStep, page: Callable[[str], TaskPage], go_on: Callable[[], bool]) -> Planned:
    """Insert the pages after the step's cursor, one transaction each, for at most half a minute."""
    cursor, until = step.cursor, time.monotonic() + _PLAN_SECONDS
    while True:
        following = page(cursor)
        with run.ctx.write() as session:
            standing = run.require_open()
            tasks.insert(session, standing.execution_id, following.tasks, run.ctx.ports.clock.now())
        cursor = following.cursor
        stopped = standing.stop_requested
        if following.done or stopped or time.monotonic() >= until or not go_on():
            return Planned(cursor=cursor, done=following.done or stopped, stopped=stopped)


def plan_failed(run: JobRun, source: int, step: PlanStep, go_on: Callable[[], bool]) -> Planned:
    """Insert as ``plan`` does, but the failed tasks of an earlier execution of the same job.

    Raises PreconditionError when ``source`` is no ended execution of the same job.
    """
    cursor, until = int(step.cursor or 0), time.monotonic() + _PLAN_SECONDS
    while True:
        with run.ctx.write() as session:
            standing = run.require_open()
            if not run.has_earlier(session, source):
                raise PreconditionError(f"execution {source} is no earlier run of the same job")
            now = run.ctx.ports.clock.now()
            last = tasks.insert_failed(session, source, standing.execution_id, cursor, now)
        cursor = last or cursor
        stopped = standing.stop_requested
        if last is None or stopped or time.monotonic() >= until or not go_on():
            return Planned(cursor=str(cursor), done=last is None or stopped, stopped=stopped)
