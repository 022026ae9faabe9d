"""The dispatcher: starts and cancels workflows and synchronises schedules in Temporal as the rows say."""

import threading
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Row

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.core import cron
from app.core.errors import InvalidError, UnavailableError
from app.jobs import rows
from app.jobs.contracts import Status
from app.jobs.engine import ScheduleRequest, WorkflowEngine, WorkflowRequest
from app.jobs.listener import BellListener
from app.jobs.models import Execution, Schedule
from app.jobs.schedules import schedule_name

_log = structlog.get_logger()
_BATCH: Final = 50
_AGAIN_SECONDS: Final = 1.0


class Dispatcher:
    """Brings the workflow engine to the state of the rows. Steps are idempotent, so several dispatchers may run."""

    def __init__(self, ports: Ports, engine: WorkflowEngine) -> None:
        self._ports = ports
        self._engine = engine
        self._silent = False

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``; retry every second while the engine or the database is unavailable."""
        listener = BellListener(self._ports.db)
        try:
            while not stop.is_set():
                if self._turn_or_wait(stop):
                    listener.wait(stop)
        finally:
            listener.close()

    def turn(self) -> int:
        """Take every due step once and return how many were taken.

        Raises UnavailableError while the engine is unavailable.
        """
        started = self._take_due(_UNDISPATCHED, self._start)
        cancelled = self._take_due(_UNSTOPPED, self._cancel)
        return started + cancelled + self._take_due(_UNSYNCED, self._sync)

    def _turn_or_wait(self, stop: threading.Event) -> bool:
        """Take one turn, or wait a second during an outage; return True when no further step is due."""
        try:
            busy = self.turn() >= _BATCH
        except UnavailableError as error:
            if not self._silent:
                _log.warning("dispatcher_waiting", reason=error.message)
            self._silent = True
            stop.wait(_AGAIN_SECONDS)
            return False
        if self._silent:
            _log.info("dispatcher_resumed")
        self._silent = False
        return not busy

    def _take_due(self, statement: sa.Executable, step: Callable[[Row[Any]], None]) -> int:
        due = Context(self._ports, SYSTEM).rows(statement, {})
        for row in due:
            step(row)
        return len(due)

    def _start(self, row: Row[Any]) -> None:
        request = WorkflowRequest(
            id=row.workflow_id,
            type=row.workflow_type,
            queue=row.queue,
            input=row.input,
            vendor=row.vendor_type,
            vendor_id=row.vendor_id,
            execution_id=row.id,
            trigger=row.trigger,
            operator=row.operator,
        )
        try:
            self._engine.start(request)
        except InvalidError as error:
            self._end_refused(row.workflow_id, error.message)
            return
        self._mark(Execution, row.id, dispatched_at=self._ports.clock.now())
        _log.info("workflow_dispatched", workflow_id=row.workflow_id, execution_id=row.id)

    def _cancel(self, row: Row[Any]) -> None:
        self._engine.cancel(row.workflow_id)
        self._mark(Execution, row.id, stop_sent_at=self._ports.clock.now())
        _log.info("workflow_cancel_sent", workflow_id=row.workflow_id, execution_id=row.id)

    def _sync(self, row: Row[Any]) -> None:
        name = schedule_name(row.vendor_type, row.vendor_id)
        try:
            if row.deleted:
                self._engine.remove_schedule(name)
            else:
                self._engine.put_schedule(_schedule_request(name, row))
        except InvalidError as error:
            _log.error("schedule_refused", schedule=name, reason=error.message)
        # Another worker may have synchronised a later change before this one: then synchronise again.
        synced = sa.case((Schedule.generation == row.generation, row.generation), else_=0)
        self._mark(Schedule, row.id, synced_generation=synced)

    def _end_refused(self, workflow_id: str, reason: str) -> None:
        with Context(self._ports, SYSTEM).write() as session:
            rows.finalise(session, workflow_id, Status.ERROR, reason, self._ports.clock.now())
        _log.error("workflow_refused", workflow_id=workflow_id, reason=reason)

    def _mark(self, table: type[Execution | Schedule], row_id: int, **values: object) -> None:
        with Context(self._ports, SYSTEM).write() as session:
            session.execute(
                sa.update(table).where(table.id == row_id).values(values),
                execution_options={"synchronize_session": False},
            )


def _schedule_request(name: str, row: Row[Any]) -> ScheduleRequest:
    return ScheduleRequest(
        id=name,
        type=row.workflow_type,
        queue=row.queue,
        input=row.input,
        vendor=row.vendor_type,
        vendor_id=row.vendor_id,
        cron=cron.parse(row.cron).temporal,
        paused=row.paused,
        operator=SYSTEM.name,
    )


_UNDISPATCHED = (
    sa.select(
        Execution.id,
        Execution.workflow_id,
        Execution.workflow_type,
        Execution.queue,
        Execution.input,
        Execution.vendor_type,
        Execution.vendor_id,
        Execution.trigger,
        Execution.operator,
    )
    .where(Execution.dispatched_at.is_(None), Execution.end_time.is_(None))
    .order_by(Execution.id)
    .limit(_BATCH)
)
_UNSTOPPED = (
    sa.select(Execution.id, Execution.workflow_id)
    .where(
        Execution.stop_requested_at.is_not(None),
        Execution.end_time.is_(None),
        Execution.stop_sent_at.is_(None),
        Execution.dispatched_at.is_not(None),
    )
    .order_by(Execution.id)
    .limit(_BATCH)
)
_UNSYNCED = (
    sa.select(Schedule.__table__)
    .where(Schedule.synced_generation != Schedule.generation)
    .order_by(Schedule.id)
    .limit(_BATCH)
)
