"""An execution as its activities use it: begin, count, log, keep the resume point, finish."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.context import Context
from app.core.errors import NotFoundError, PreconditionError
from app.jobs import rows
from app.jobs.contracts import Begun, Status, Trigger
from app.jobs.models import Execution, Schedule
from app.jobs.schedules import schedule_name
from app.jobs.task_logs import Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The row of an execution that has not ended."""

    execution_id: int
    input: dict[str, Any]
    stop_requested: bool


@dataclass(frozen=True, slots=True)
class JobRun:
    """The execution of one workflow, identified by the workflow's id and type."""

    ctx: Context
    workflow_id: str
    workflow_type: str

    def begin(self, schedule_id: int) -> Begun:
        """Set the execution Running; insert it first when a schedule started the workflow.

        ``go_on`` is False when it has ended already or was asked to stop (then this ends it as Stopped). Raises
        NotFoundError when there is neither a row nor a schedule of this workflow's type.
        """
        with self.ctx.write() as session:
            now = self.ctx.ports.clock.now()
            row = self._row(session) or self._scheduled(session, schedule_id)
            if row.end_time is not None:
                return Begun(execution_id=row.id, go_on=False)
            row.dispatched_at = row.dispatched_at or now
            row.start_time = row.start_time or now
            row.update_time = now
            if row.stop_requested_at is not None:
                row.status, row.end_time, row.status_message = Status.STOPPED, now, "stopped before it began"
                return Begun(execution_id=row.id, go_on=False)
            row.status = Status.RUNNING
            return Begun(execution_id=row.id, go_on=True, input=row.input)

    def require_input(self) -> dict[str, Any]:
        """Return the input in the row of this run; every step that changes anything begins with this call.

        Raises NotFoundError without a row of this id and type, PreconditionError when it has ended.
        """
        return self.require_open().input

    def require_open(self) -> Standing:
        """Return the id, input and stop request of this run; raise as ``require_input`` does."""
        with self.ctx.read() as session:
            row = session.execute(self._own()).scalar_one_or_none()
            if row is None:
                raise self._not_requested()
            if row.end_time is not None:
                raise PreconditionError(f"execution {row.id} has ended")
            return Standing(execution_id=row.id, input=row.input, stop_requested=row.stop_requested_at is not None)

    def count(self, amounts: Mapping[str, int], *, set_to: bool = False) -> None:
        """Add to the counters that the API shows, or set them; in the caller's transaction when one is open."""
        with self.ctx.write() as session:
            row = self._row(session)
            if row is None:
                return
            shown = dict(row.extra_attrs)
            for name, amount in amounts.items():
                shown[name] = amount if set_to else int(shown.get(name, 0)) + amount
            row.extra_attrs = shown
            row.update_time = self.ctx.ports.clock.now()

    def log(self, text: str) -> None:
        """Append a line to the run's log."""
        with self.ctx.write() as session:
            row = self._row(session)
            if row is not None:
                row.update_time = self.ctx.ports.clock.now()
                Log(execution_id=row.id).append(session, row.update_time, [text])

    def counters(self) -> dict[str, Any]:
        """Return the counters."""
        own = sa.select(Execution.extra_attrs).where(Execution.workflow_id == self.workflow_id)
        with self.ctx.read() as session:
            return dict(session.execute(own).scalar_one_or_none() or {})

    def keep(self, point: Mapping[str, Any]) -> None:
        """Store the resume point of the run, in the caller's transaction when one is open."""
        with self.ctx.write() as session:
            row = self._row(session)
            if row is not None:
                row.resume_point, row.update_time = dict(point), self.ctx.ports.clock.now()

    def kept(self) -> dict[str, Any]:
        """Return the resume point that ``keep`` stored last, empty at first."""
        own = sa.select(Execution.resume_point).where(Execution.workflow_id == self.workflow_id)
        with self.ctx.read() as session:
            return dict(session.execute(own).scalar_one_or_none() or {})

    def finish(self, status: str, message: str = "") -> bool:
        """End the execution and return True; return False when it had ended before."""
        with self.ctx.write() as session:
            row = self._row(session)
            now = self.ctx.ports.clock.now()
            return row is not None and rows.finalise(session, self.workflow_id, status, message, now)

    def has_earlier(self, session: Session, execution_id: int) -> bool:
        """Tell whether ``execution_id`` is an ended execution of the same job."""
        own = sa.select(Execution.vendor_type, Execution.vendor_id).where(Execution.workflow_id == self.workflow_id)
        same = sa.select(Execution.id).where(
            Execution.id == execution_id,
            Execution.workflow_type == self.workflow_type,
            Execution.end_time.is_not(None),
            sa.tuple_(Execution.vendor_type, Execution.vendor_id).in_(own),
        )
        return session.execute(same).scalar_one_or_none() is not None

    def _own(self) -> sa.Select[Execution]:
        return sa.select(Execution).where(
            Execution.workflow_id == self.workflow_id, Execution.workflow_type == self.workflow_type
        )

    def _row(self, session: Session) -> Execution | None:
        own = self._own().with_for_update().execution_options(populate_existing=True)
        return session.execute(own).scalar_one_or_none()

    def _not_requested(self) -> NotFoundError:
        return NotFoundError(
            f"nothing asked for workflow {self.workflow_id} of type {self.workflow_type}: there is no execution and no "
            "schedule of it, so it may not run"
        )

    def _scheduled(self, session: Session, schedule_id: int) -> Execution:
        schedule = session.get(Schedule, schedule_id)
        if schedule is None or schedule.deleted or schedule.workflow_type != self.workflow_type:
            raise self._not_requested()
        if not self.workflow_id.startswith(f"{schedule_name(schedule.vendor_type, schedule.vendor_id)}-"):
            raise self._not_requested()
        new = rows.NewExecution(
            vendor_type=schedule.vendor_type,
            vendor_id=schedule.vendor_id,
            trigger=Trigger.SCHEDULE,
            workflow_type=schedule.workflow_type,
            queue=schedule.queue,
            input=schedule.input,
            operator=self.ctx.principal.name,
            extra_attrs={},
        )
        return rows.insert(session, new, self.ctx.ports.clock.now(), self.workflow_id)
