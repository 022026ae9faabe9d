"""The use cases of job executions: start, stop and show. Requests are rows; the worker carries them out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from app.context import Context
from app.core import ids
from app.core.errors import NotFoundError
from app.core.paging import Listed
from app.core.query import ListQuery
from app.db.listing import Columns, conditions, counted, order, paged
from app.events.management import ExecutionRequested, ExecutionStopped
from app.jobs import rows
from app.jobs.contracts import JobInput, JobType, Queue, Status, Trigger
from app.jobs.models import Execution
from app.jobs.task_logs import Log


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRef:
    """An execution as services return it."""

    id: int
    vendor_type: str
    vendor_id: int
    trigger: str
    status: str
    status_message: str
    workflow_id: str
    input: dict[str, Any]
    extra_attrs: dict[str, Any]
    operator: str
    creation_time: datetime
    start_time: datetime | None
    update_time: datetime
    end_time: datetime | None
    workflow_url: str
    """The URL of the run in Temporal's UI, for administrators, once the workflow was started; else empty."""


class JobService:
    """Starts, stops and shows executions, without talking to Temporal."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def start(
        self,
        job: JobType[Any, Any],
        job_input: JobInput,
        *,
        trigger: str,
        vendor_id: int = 0,
        extra_attrs: Mapping[str, Any] | None = None,
    ) -> int:
        """Request a run and return its execution's id; in the caller's transaction when one is open.

        A manual request is audited.
        """
        new = rows.NewExecution(
            vendor_type=job.vendor,
            vendor_id=vendor_id,
            trigger=trigger,
            workflow_type=job.workflow,
            queue=Queue.WORKFLOWS,
            input=asdict(job_input),
            operator=self._ctx.principal.name,
            extra_attrs=dict(extra_attrs or {}),
        )
        with self._ctx.write() as session:
            row = rows.insert(session, new, self._ctx.ports.clock.now())
            row.workflow_id = f"{job.noun}-{vendor_id}-{row.id}-{ids.suffix()}"
            self._ctx.ports.bell.ring(session)
            if trigger == Trigger.MANUAL:
                self._ctx.emit(ExecutionRequested(name=f"{job.vendor} {row.id}"))
            return row.id

    def stop(self, execution_id: int) -> None:
        """Request the end of a run: it ends at once before it was dispatched, else by cancelling its workflow.

        An ended run is left unchanged. Raises NotFoundError when there is no such execution.
        """
        with self._ctx.write() as session:
            row = session.get(Execution, execution_id, with_for_update=True)
            if row is None:
                raise _unknown(execution_id)
            if row.end_time is not None or row.stop_requested_at is not None:
                return
            now = self._ctx.ports.clock.now()
            row.stop_requested_at = row.update_time = now
            if row.dispatched_at is None:
                row.status, row.status_message, row.end_time = Status.STOPPED, "stopped before it began", now
            self._ctx.ports.bell.ring(session)
            self._ctx.emit(ExecutionStopped(name=f"{row.vendor_type} {row.id}"))

    def execution(self, execution_id: int) -> ExecutionRef:
        """Return the execution; raise NotFoundError when there is none."""
        with self._ctx.read() as session:
            row = session.get(Execution, execution_id)
            if row is None:
                raise _unknown(execution_id)
            return self._shown(row)

    def list(self, vendor_type: str, query: ListQuery, vendor_id: int = 0) -> Listed[ExecutionRef]:
        """Return a page of a vendor's executions, newest first unless the query sorts."""
        own = (Execution.vendor_type == vendor_type, Execution.vendor_id == vendor_id, *conditions(query, _COLUMNS))
        ordered = order(query.sort, _COLUMNS, (Execution.id.desc(),), Execution.id.desc())
        chosen = paged(sa.select(Execution).where(*own).order_by(*ordered), query.page)
        with self._ctx.read() as session:
            total = counted(session, sa.select(Execution.id).where(*own))
            items = [self._shown(row) for row in session.execute(chosen).scalars()]
        return Listed(items=items, total=total, page=query.page)

    def unended(self, vendor_type: str) -> Sequence[ExecutionRef]:
        """Return a vendor's executions that have not ended, oldest first."""
        own = sa.select(Execution).where(Execution.vendor_type == vendor_type, Execution.end_time.is_(None))
        with self._ctx.read() as session:
            return [self._shown(row) for row in session.execute(own.order_by(Execution.id)).scalars()]

    def log(self, execution_id: int) -> str:
        """Return the execution's own log, without its tasks' logs; raise NotFoundError when there is no execution."""
        with self._ctx.read() as session:
            if session.get(Execution, execution_id) is None:
                raise _unknown(execution_id)
            return Log(execution_id=execution_id).text(session)

    def _shown(self, row: Execution) -> ExecutionRef:
        return ExecutionRef(
            id=row.id,
            vendor_type=row.vendor_type,
            vendor_id=row.vendor_id,
            trigger=row.trigger,
            status=row.status,
            status_message=row.status_message,
            workflow_id=row.workflow_id,
            input=row.input,
            extra_attrs=row.extra_attrs,
            operator=row.operator,
            creation_time=row.creation_time,
            start_time=row.start_time,
            update_time=row.update_time,
            end_time=row.end_time,
            workflow_url=self._workflow_url(row),
        )

    def _workflow_url(self, row: Execution) -> str:
        if row.dispatched_at is None or not self._ctx.principal.sysadmin:
            return ""
        temporal = self._ctx.ports.settings.temporal
        return f"{temporal.ui_url}/namespaces/{temporal.namespace}/workflows/{quote(row.workflow_id, safe='')}"


def _unknown(execution_id: int) -> NotFoundError:
    return NotFoundError(f"execution {execution_id} not found")


_COLUMNS: Columns = {
    name: Execution.__table__.c[name]
    for name in ("id", "status", "trigger", "creation_time", "start_time", "update_time", "end_time")
}
