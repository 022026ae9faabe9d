"""The plan and the step of the tests' own job with tasks."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from temporalio import activity

from activities.tasks import one_by_one, plan_tasks, work_slice
from app.context import Ports
from app.core.errors import ConflictError, UnavailableError
from app.jobs.contracts import Planned, PlanStep, SliceDone, SliceStep
from app.jobs.runs import JobRun
from app.jobs.task_work import TaskPage, TaskWork
from app.jobs.tasks import NewTask, TaskEnd
from tests.support.marking.contracts import MARKING, MARKING_PLAN, MARKING_STEP, MarkingInput

_PAGE: Final = 500


class MarkingActivities:
    """The plan and the step of the job."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """What a worker registers."""
        return (self.plan, self.step)

    @activity.defn(name=MARKING_PLAN, no_thread_cancel_exception=True)
    def plan(self, step: PlanStep) -> Planned:
        """Insert the tasks, a page at a time."""
        return plan_tasks(self._ports, step, _page)

    @activity.defn(name=MARKING_STEP, no_thread_cancel_exception=True)
    def step(self, step: SliceStep) -> SliceDone:
        """Write the keys of a slice."""
        return work_slice(self._ports, MARKING, step, one_by_one(_mark, step.tries))


def _page(run: JobRun, cursor: str) -> TaskPage:
    asked = MarkingInput.of(run.require_input())
    first = int(cursor or 0)
    if asked.broken_at and first >= asked.broken_at:
        raise ConflictError("the catalog cannot be read")
    last = min(first + _PAGE, asked.tasks)
    attrs = {"folder": asked.folder, "failing": asked.failing}
    new = [NewTask(key=str(number), attrs=attrs) for number in range(first, last)]
    return TaskPage(tasks=new, cursor=str(last), done=last == asked.tasks)


def _mark(work: TaskWork) -> TaskEnd:
    folder, number = Path(work.attrs["folder"]), int(work.key)
    if number % 1000 == 550 and work.task.tries == 1:
        raise UnavailableError("not at the first attempt")
    if number % 100 < work.attrs["failing"] and not (folder / "mended").exists():
        raise ConflictError("not before it is mended")
    marks = os.open(folder / f"marks-{os.getpid()}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(marks, f"{work.key}\n".encode())
    finally:
        os.close(marks)
    return TaskEnd(task=work.task)


def marks(folder: Path) -> Counter[str]:
    """Return how often each task has written its key."""
    return Counter(key for path in folder.glob("marks-*") for key in path.read_text().split())


def marked_bytes(folder: Path) -> int:
    """Return how much was written; cheaper than ``marks``."""
    return sum(path.stat().st_size for path in folder.glob("marks-*"))
