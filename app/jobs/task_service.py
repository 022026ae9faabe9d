"""The use cases of tasks: lists, logs, counters, and retrying failed tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.context import Context
from app.core.errors import NotFoundError, PreconditionError
from app.core.paging import Listed, OffsetPage
from app.core.query import ListQuery
from app.db.listing import Columns, conditions, counted, order, paged
from app.jobs import tasks
from app.jobs.contracts import RETRY_OF, FanOutInput, JobType, Trigger
from app.jobs.models import Task
from app.jobs.service import JobService
from app.jobs.task_logs import Log, LogLine
from app.jobs.tasks import TaskCounters


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRef:
    """A task as services return it."""

    id: int
    execution_id: int
    key: str
    status: str
    status_message: str
    run_count: int
    step: str
    bytes_done: int
    bytes_total: int
    extra_attrs: dict[str, Any]
    creation_time: datetime
    start_time: datetime | None
    update_time: datetime
    end_time: datetime | None


class TaskService:
    """Shows tasks; the feature that owns the executions checks the caller's rights."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def list(self, execution_id: int, query: ListQuery) -> Listed[TaskRef]:
        """Return a page of an execution's tasks, oldest first unless the query sorts."""
        own = (Task.execution_id == execution_id, *conditions(query, _COLUMNS))
        ordered = order(query.sort, _COLUMNS, (Task.id,), Task.id)
        chosen = paged(sa.select(Task).where(*own).order_by(*ordered), query.page)
        with self._ctx.read() as session:
            total = counted(session, sa.select(Task.id).where(*own))
            items = [_shown(row) for row in session.execute(chosen).scalars()]
        return Listed(items=items, total=total, page=query.page)

    def task(self, execution_id: int, task_id: int) -> TaskRef:
        """Return one task of the execution; raise NotFoundError when it has none of this id."""
        with self._ctx.read() as session:
            row = session.get(Task, task_id)
            if row is None or row.execution_id != execution_id:
                raise NotFoundError(f"task {task_id} of execution {execution_id} not found")
            return _shown(row)

    def log(self, execution_id: int, task_id: int) -> str:
        """Return the task's whole log, at most 64 KiB; raise NotFoundError as ``task`` does."""
        self.task(execution_id, task_id)
        with self._ctx.read() as session:
            return Log(task_id=task_id).text(session)

    def log_page(self, execution_id: int, task_id: int, page: OffsetPage, search: str = "") -> Listed[LogLine]:
        """Return a page of the log's lines that contain ``search``, in any case; raise as ``task`` does."""
        self.task(execution_id, task_id)
        with self._ctx.read() as session:
            return Log(task_id=task_id).page(session, page, search)

    def counters(self, execution_ids: Sequence[int]) -> Mapping[int, TaskCounters]:
        """Return Harbor's task metrics of these executions, by execution id."""
        with self._ctx.read() as session:
            return tasks.counters(session, execution_ids)

    def retry_failed(self, job: JobType[Any, Any], input_type: type[FanOutInput], execution_id: int) -> int:
        """Request a new execution of the failed tasks only and return its id.

        Raises NotFoundError without such an execution of this job, PreconditionError when it has not ended or has no
        failed task.
        """
        service = JobService(self._ctx)
        with self._ctx.write():
            earlier = service.execution(execution_id)
            if earlier.vendor_type != job.vendor:
                raise NotFoundError(f"execution {execution_id} not found")
            if earlier.end_time is None:
                raise PreconditionError(f"execution {execution_id} has not ended")
            if not self.counters([execution_id])[execution_id].error_task_count:
                raise PreconditionError(f"execution {execution_id} has no failed tasks")
            retry = input_type.of({**earlier.input, "schedule_id": 0, RETRY_OF: execution_id})
            shown = {RETRY_OF: execution_id}
            return service.start(job, retry, trigger=Trigger.MANUAL, vendor_id=earlier.vendor_id, extra_attrs=shown)


def _shown(row: Task) -> TaskRef:
    return TaskRef(
        id=row.id,
        execution_id=row.execution_id,
        key=row.natural_key,
        status=row.status,
        status_message=row.status_message,
        run_count=row.run_count,
        step=row.step,
        bytes_done=row.bytes_done,
        bytes_total=row.bytes_total,
        extra_attrs=row.extra_attrs,
        creation_time=row.creation_time,
        start_time=row.start_time,
        update_time=row.update_time,
        end_time=row.end_time,
    )


_COLUMNS: Columns = {
    name: Task.__table__.c[name] for name in ("id", "status", "creation_time", "start_time", "update_time", "end_time")
}
