"""Schedules as rows: the dispatcher makes Temporal follow them."""

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
    """The engine's id of a schedule; the ids of the workflows that it starts begin with it."""
    return f"schedule-{vendor_type}-{vendor_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRef:
    """A schedule as others see it."""

    id: int
    cron: str
    cron_type: str
    input: dict[str, Any]
    paused: bool
    next_time: datetime | None
    creation_time: datetime
    update_time: datetime


class ScheduleService:
    """One schedule per job type and vendor id. What somebody does to one is on record, what the product does is not."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def apply(
        self, job: JobType[Any, Any], wanted: JobInput, due: Due, *, vendor_id: int = 0, every_minute: bool = True
    ) -> int | None:
        """Run now (Manual, returns the execution's id), end the schedule (None), or create or replace it.

        FieldInvalid for an unknown kind or an expression that Harbor refuses; see ``schedule_cron``.
        """
        match schedule_kind(due):
            case ScheduleKind.MANUAL:
                return JobService(self._ctx).start(job, wanted, trigger=Trigger.MANUAL, vendor_id=vendor_id)
            case ScheduleKind.NONE:
                self.remove(job, vendor_id)
            case kind:
                expression = schedule_cron(due, every_minute=every_minute)
                self.put(job, wanted, expression=expression, kind=kind, vendor_id=vendor_id)
        return None

    def put(self, job: JobType[Any, Any], wanted: JobInput, *, expression: str, kind: str, vendor_id: int = 0) -> int:
        """Create or replace the schedule and return its id; an equal one stays. FieldInvalid for a bad cron."""
        expression = cron.parse(expression).text
        with self._ctx.write() as session:
            now = self._ctx.ports.clock.now()
            row = _locked_row(session, job, vendor_id) or _empty_row(session, job, vendor_id, now)
            values = {**asdict(wanted), "schedule_id": row.id}
            before = (row.cron, row.cron_type, row.workflow_type, row.queue, row.input, row.deleted)
            row.cron, row.cron_type, row.workflow_type, row.queue = expression, kind, job.workflow, Queue.WORKFLOWS
            row.input, row.deleted = values, False
            if before != (row.cron, row.cron_type, row.workflow_type, row.queue, row.input, row.deleted):
                row.generation += 1
                row.update_time = now
                self._ctx.ports.bell.ring(session)
                if self._by_somebody():
                    self._ctx.emit(ScheduleSet(name=f"{job.vendor} {expression}"))
            return row.id

    def revise(self, job: JobType[Any, Any], change: Callable[[Mapping[str, Any]], JobInput]) -> None:
        """Change the input of the runs that the job's schedule starts, and nothing else of it; nothing without one."""
        with self._ctx.write() as session:
            row = _locked_row(session, job, 0)
            if row is not None and not row.deleted:
                self.put(job, change(row.input), expression=row.cron, kind=row.cron_type)

    def remove(self, job: JobType[Any, Any], vendor_id: int = 0) -> bool:
        """End the schedule; runs it has started go on. False when there was none."""
        with self._ctx.write() as session:
            row = _locked_row(session, job, vendor_id)
            if row is None or row.deleted:
                return False
            row.deleted = True
            row.generation += 1
            row.update_time = self._ctx.ports.clock.now()
            self._ctx.ports.bell.ring(session)
            if self._by_somebody():
                self._ctx.emit(ScheduleRemoved(name=job.vendor))
            return True

    def _by_somebody(self) -> bool:
        return self._ctx.principal.kind is not PrincipalKind.SYSTEM

    def find(self, job: JobType[Any, Any], vendor_id: int = 0) -> ScheduleRef | None:
        """The schedule, None when there is none."""
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
    """A row that asks for nothing yet; safe against another process that makes the same."""
    nothing = {"cron": "", "cron_type": "", "input": {}, "deleted": True, "generation": 0}
    known = {"vendor_type": job.vendor, "vendor_id": vendor_id, "workflow_type": job.workflow, "queue": Queue.WORKFLOWS}
    times = {"creation_time": now, "update_time": now}
    session.execute(insert_absent(session, Schedule).values(**nothing, **known, **times))
    return session.execute(_own(job, vendor_id).with_for_update()).scalar_one()


def _row(session: Session, job: JobType[Any, Any], vendor_id: int) -> Schedule | None:
    return session.execute(_own(job, vendor_id)).scalar_one_or_none()


def _locked_row(session: Session, job: JobType[Any, Any], vendor_id: int) -> Schedule | None:
    """The row as it is once changes in flight have ended, so that each change has a generation of its own."""
    own = _own(job, vendor_id).with_for_update().execution_options(populate_existing=True)
    return session.execute(own).scalar_one_or_none()


def _own(job: JobType[Any, Any], vendor_id: int) -> sa.Select[Schedule]:
    return sa.select(Schedule).where(Schedule.vendor_type == job.vendor, Schedule.vendor_id == vendor_id)
