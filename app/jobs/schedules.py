"""The schedules of jobs as rows, which the dispatcher synchronises to Temporal."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.principals import PrincipalKind
from app.context import Context
from app.core import cron
from app.db.conflict import insert_absent
from app.events.management import ScheduleRemoved, ScheduleSet
from app.jobs.contracts import JobInput, JobType, Queue, Trigger
from app.jobs.models import Schedule
from app.jobs.rules import Due, ScheduleKind, schedule_cron, schedule_kind
from app.jobs.service import JobService


def schedule_name(vendor_type: str, vendor_id: int) -> str:
    """Return the engine's id of a schedule; the ids of the workflows that it starts begin with it."""
    return f"schedule-{vendor_type}-{vendor_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRef:
    """A schedule as services return it."""

    id: int
    cron: str
    cron_type: str
    input: dict[str, Any]
    paused: bool
    next_time: datetime | None
    creation_time: datetime
    update_time: datetime


class ScheduleService:
    """Keeps one schedule per job type and vendor id. Changes by callers are audited, changes by the product are not."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def apply(
        self, job: JobType[Any, Any], job_input: JobInput, due: Due, *, vendor_id: int = 0, every_minute: bool = True
    ) -> int | None:
        """Start a run and return its execution's id (Manual), delete the schedule (None), or create or replace it.

        Raises FieldInvalid for an unknown kind or an expression that Harbor refuses; see ``schedule_cron``.
        """
        match schedule_kind(due):
            case ScheduleKind.MANUAL:
                return JobService(self._ctx).start(job, job_input, trigger=Trigger.MANUAL, vendor_id=vendor_id)
            case ScheduleKind.NONE:
                self.remove(job, vendor_id)
            case kind:
                expression = schedule_cron(due, every_minute=every_minute)
                self.put(job, job_input, expression=expression, kind=kind, vendor_id=vendor_id)
        return None

    def put(
        self, job: JobType[Any, Any], job_input: JobInput, *, expression: str, kind: str, vendor_id: int = 0
    ) -> int:
        """Create or replace the schedule and return its id; keep an equal one. Raises FieldInvalid for a bad cron."""
        expression = cron.parse(expression).text
        with self._ctx.write() as session:
            now = self._ctx.ports.clock.now()
            row = _locked_row(session, job, vendor_id) or _empty_row(session, job, vendor_id, now)
            values = {**asdict(job_input), "schedule_id": row.id}
            before = (row.cron, row.cron_type, row.workflow_type, row.queue, row.input, row.deleted)
            row.cron, row.cron_type, row.workflow_type, row.queue = expression, kind, job.workflow, Queue.WORKFLOWS
            row.input, row.deleted = values, False
            if before != (row.cron, row.cron_type, row.workflow_type, row.queue, row.input, row.deleted):
                row.generation += 1
                row.update_time = now
                self._ctx.ports.bell.ring(session)
                if self._is_audited():
                    self._ctx.emit(ScheduleSet(name=f"{job.vendor} {expression}"))
            return row.id

    def revise(self, job: JobType[Any, Any], change: Callable[[Mapping[str, Any]], JobInput]) -> None:
        """Change the input of the runs that the job's schedule starts; do nothing without one."""
        with self._ctx.write() as session:
            row = _locked_row(session, job, 0)
            if row is not None and not row.deleted:
                self.put(job, change(row.input), expression=row.cron, kind=row.cron_type)

    def remove(self, job: JobType[Any, Any], vendor_id: int = 0) -> bool:
        """Delete the schedule, not the runs it has started; return False when there was none."""
        with self._ctx.write() as session:
            row = _locked_row(session, job, vendor_id)
            if row is None or row.deleted:
                return False
            row.deleted = True
            row.generation += 1
            row.update_time = self._ctx.ports.clock.now()
            self._ctx.ports.bell.ring(session)
            if self._is_audited():
                self._ctx.emit(ScheduleRemoved(name=job.vendor))
            return True

    def _is_audited(self) -> bool:
        return self._ctx.principal.kind is not PrincipalKind.SYSTEM

    def find(self, job: JobType[Any, Any], vendor_id: int = 0) -> ScheduleRef | None:
        """Return the schedule, None when there is none."""
        with self._ctx.read() as session:
            row = _row(session, job, vendor_id)
            if row is None or row.deleted:
                return None
            return ScheduleRef(
                id=row.id,
                cron=row.cron,
                cron_type=row.cron_type,
                input=row.input,
                paused=row.paused,
                next_time=cron.parse(row.cron).after(self._ctx.ports.clock.now()),
                creation_time=row.creation_time,
                update_time=row.update_time,
            )


def _empty_row(session: Session, job: JobType[Any, Any], vendor_id: int, now: datetime) -> Schedule:
    """Insert a deleted schedule, unless another process did, and return its locked row."""
    empty = {"cron": "", "cron_type": "", "input": {}, "deleted": True, "generation": 0}
    names = {"vendor_type": job.vendor, "vendor_id": vendor_id, "workflow_type": job.workflow, "queue": Queue.WORKFLOWS}
    times = {"creation_time": now, "update_time": now}
    session.execute(insert_absent(session, Schedule).values(**empty, **names, **times))
    return session.execute(_own(job, vendor_id).with_for_update()).scalar_one()


def _row(session: Session, job: JobType[Any, Any], vendor_id: int) -> Schedule | None:
    return session.execute(_own(job, vendor_id)).scalar_one_or_none()


def _locked_row(session: Session, job: JobType[Any, Any], vendor_id: int) -> Schedule | None:
    """Lock and return the row once concurrent changes have ended, so that each change gets its own generation."""
    own = _own(job, vendor_id).with_for_update().execution_options(populate_existing=True)
    return session.execute(own).scalar_one_or_none()


def _own(job: JobType[Any, Any], vendor_id: int) -> sa.Select[Schedule]:
    return sa.select(Schedule).where(Schedule.vendor_type == job.vendor, Schedule.vendor_id == vendor_id)
