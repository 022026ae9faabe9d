"""The task rows of an execution: insert in bulk, claim, end once by the latest claim, and count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.errors import InvalidError
from app.db.conflict import insert_absent
from app.jobs.contracts import FINAL, RangesStep, Status
from app.jobs.models import Execution, Task

MOST: Final = 500
"""The most rows that one transaction handles."""
_LONGEST_KEY: Final = 255
_LONGEST_REASON: Final = 2000
_PLAIN: Final = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to insert, identified by its key within the execution."""

    key: str
    attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Request for at most ``limit`` open tasks with ids from ``first`` to ``last``, both included."""

    first: int
    last: int
    limit: int = MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedTask:
    """A task claimed by one attempt, whose number is ``tries``."""

    id: int
    key: str
    attrs: Mapping[str, Any]
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEnd:
    """How a claimed task ended; Pending leaves it to a later attempt."""

    task: ClaimedTask
    status: Status = Status.SUCCESS
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of a task; ``done`` and ``total`` in bytes, a ``total`` of 0 is unknown."""

    step: str = ""
    sentence: str = ""
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCounters:
    """Harbor's task metrics of an execution."""

    task_count: int = 0
    success_task_count: int = 0
    error_task_count: int = 0
    pending_task_count: int = 0
    running_task_count: int = 0
    scheduled_task_count: int = 0
    stopped_task_count: int = 0

    @property
    def status(self) -> Status | None:
        """Harbor's status of an execution with these tasks; None without tasks."""
        if not self.task_count:
            return None
        if self.running_task_count or self.pending_task_count or self.scheduled_task_count:
            return Status.RUNNING
        if self.error_task_count:
            return Status.ERROR
        return Status.STOPPED if self.stopped_task_count else Status.SUCCESS

    @property
    def sentence(self) -> str:
        """The number of tasks, in all and by final state, as a sentence."""
        ended = (
            (self.success_task_count, "succeeded"),
            (self.error_task_count, "failed"),
            (self.stopped_task_count, "stopped"),
        )
        counts = ", ".join(f"{count} {word}" for count, word in ended if count)
        return f"{self.task_count} tasks" + (f": {counts}" if counts else "")


def insert(session: Session, execution_id: int, new: Sequence[NewTask], now: datetime) -> int:
    """Insert at most 500 tasks, skip existing keys, and return how many were inserted.

    Raises InvalidError for more than 500 tasks and for a key that is too long.
    """
    if len(new) > MOST:
        raise InvalidError(f"{len(new)} tasks at once, at most {MOST} may be inserted")
    for task in new:
        if len(task.key) > _LONGEST_KEY:
            raise InvalidError(f"a task's key is longer than {_LONGEST_KEY} characters: {task.key[:80]}…")
    if not new:
        return 0
    shared = {"execution_id": execution_id, "creation_time": now, "update_time": now}
    rows = [{"natural_key": task.key, "extra_attrs": dict(task.attrs), **shared} for task in new]
    return len(session.execute(insert_absent(session, Task).returning(Task.id), rows).all())


def insert_failed(session: Session, source: int, target: int, after: int, now: datetime) -> int | None:
    """Insert at most 500 failed tasks of ``source`` with ids above ``after``; return the last id, None at the end."""
    failed = sa.select(Task.id, Task.natural_key, Task.extra_attrs).where(
        Task.execution_id == source, Task.status == Status.ERROR, Task.id > after
    )
    rows = session.execute(failed.order_by(Task.id).limit(MOST)).all()
    insert(session, target, [NewTask(key=row.natural_key, attrs=row.extra_attrs) for row in rows], now)
    return rows[-1].id if rows else None


def ranges(session: Session, execution_id: int, step: RangesStep) -> list[tuple[int, int]]:
    """Divide the open tasks that the step names into ranges; return the first and last id of each."""
    open_tasks = _open(execution_id).where(Task.id > step.after, Task.id <= step.upto)
    chosen = open_tasks.order_by(Task.id).limit(step.size * step.count).subquery("chosen")
    place = sa.func.row_number().over(order_by=chosen.c.id) - 1
    parts = sa.select(chosen.c.id, (place // step.size).label("part")).subquery("parts")
    bounds = sa.select(sa.func.min(parts.c.id), sa.func.max(parts.c.id)).group_by(parts.c.part)
    return [(first, last) for first, last in session.execute(bounds.order_by(parts.c.part))]


def claim(session: Session, execution_id: int, request: Claim, now: datetime) -> list[ClaimedTask]:
    """Set the first open tasks of the range Running and return them in order; earlier claims of them end."""
    chosen = _open(execution_id).where(Task.id >= request.first, Task.id <= request.last)
    statement = (
        sa.update(Task)
        .where(Task.id.in_(_locked(chosen, request.limit)))
        .values(
            status=Status.RUNNING,
            run_count=Task.run_count + 1,
            start_time=sa.func.coalesce(Task.start_time, sa.literal(now, Task.update_time.type)),
            update_time=now,
        )
        .returning(Task.id, Task.natural_key, Task.extra_attrs, Task.run_count)
    )
    rows = session.execute(statement, execution_options=_PLAIN).all()
    claimed = (ClaimedTask(id=row.id, key=row.natural_key, attrs=row.extra_attrs, tries=row.run_count) for row in rows)
    return sorted(claimed, key=lambda task: task.id)


def finish(session: Session, ends: Sequence[TaskEnd], now: datetime) -> None:
    """End each task unless it was ended or claimed again meanwhile; leave Pending ones open."""
    rows = [
        {
            "task": end.task.id,
            "tries": end.task.tries,
            "status": end.status,
            "reason": end.reason[:_LONGEST_REASON],
            "now": now,
            "end": now if end.status in FINAL else None,
        }
        for end in sorted(ends, key=lambda end: end.task.id)
    ]
    if rows:
        session.connection().execute(_FINISH, rows)


def show_progress(session: Session, task: ClaimedTask, progress: Progress, now: datetime) -> None:
    """Write the progress of the task unless it was ended or claimed again meanwhile."""
    statement = _own(task.id, task.tries).values(
        step=progress.step[:64],
        status_message=progress.sentence[:_LONGEST_REASON],
        bytes_done=progress.done,
        bytes_total=progress.total,
        update_time=now,
    )
    session.execute(statement, execution_options=_PLAIN)


def end_open(session: Session, execution_id: int, status: Status, reason: str, now: datetime) -> int:
    """End at most 500 open tasks of the execution and return how many were ended."""
    ended = {"status": status, "status_message": reason[:_LONGEST_REASON], "end_time": now, "update_time": now}
    statement = sa.update(Task).where(Task.id.in_(_locked(_open(execution_id), MOST))).values(ended)
    return len(session.execute(statement.returning(Task.id), execution_options=_PLAIN).all())


def left_behind() -> sa.Select[int, str]:
    """Return the statement that selects id and status of ended executions with open tasks."""
    open_tasks = sa.exists().where(Task.execution_id == Execution.id, Task.end_time.is_(None))
    return sa.select(Execution.id, Execution.status).where(Execution.end_time.is_not(None), open_tasks)


def counters(session: Session, execution_ids: Sequence[int]) -> Mapping[int, TaskCounters]:
    """Count the tasks of these executions by state, in one statement."""
    counted = sa.select(Task.execution_id, Task.status, sa.func.count().label("tasks")).where(
        Task.execution_id.in_(execution_ids)
    )
    by_execution: dict[int, dict[str, int]] = {number: {} for number in execution_ids}
    for row in session.execute(counted.group_by(Task.execution_id, Task.status)):
        by_execution[row.execution_id][f"{row.status.lower()}_task_count"] = row.tasks
    return {number: TaskCounters(task_count=sum(states.values()), **states) for number, states in by_execution.items()}


def _open(execution_id: int) -> sa.Select[int]:
    return sa.select(Task.id).where(Task.execution_id == execution_id, Task.end_time.is_(None))


def _locked(tasks: sa.Select[int], limit: int) -> sa.Select[int]:
    """Lock the first ``limit`` tasks and select their ids, without those that another transaction ends meanwhile.

    PostgreSQL evaluates a locking CTE once; a subquery in the UPDATE would name tasks that have ended since it began.
    """
    locked = tasks.order_by(Task.id).limit(limit).with_for_update().cte("locked")
    return sa.select(locked.c.id)


def _own(task_id: Any, tries: Any) -> sa.Update:  # noqa: ANN401 - values or parameters
    return sa.update(Task).where(Task.id == task_id, Task.run_count == tries, Task.end_time.is_(None))


_FINISH: Final = _own(sa.bindparam("task"), sa.bindparam("tries")).values(
    status=sa.bindparam("status", type_=Task.status.type),
    status_message=sa.bindparam("reason", type_=sa.Text),
    update_time=sa.bindparam("now", type_=Task.update_time.type),
    end_time=sa.bindparam("end", type_=Task.update_time.type),
)
