"""The reconciler: asks Temporal for the state of executions without progress, and deletes what has expired."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Row

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.core.errors import UnavailableError
from app.db import gate
from app.db.types import clock_ms
from app.jobs import rows, tasks
from app.jobs.contracts import JobType, Status
from app.jobs.engine import WorkflowEngine
from app.jobs.history import History
from app.jobs.models import Execution, Schedule, WorkerProcess
from app.jobs.schedules import schedule_name
from app.jobs.strays import StrayWorkflows
from app.jobs.turn import turn

_log = structlog.get_logger()
_TURN: Final = 727003
_BATCH: Final = 500
_REDISPATCHED: Final = "redispatched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The time limits of the reconciler."""

    every: timedelta = timedelta(seconds=60)
    still: timedelta = timedelta(minutes=2)
    """An open execution without an update for this long is compared with its workflow."""
    lost: timedelta = timedelta(minutes=5)
    """A dispatched workflow that the engine does not know after this long counts as lost."""
    gone: timedelta = timedelta(minutes=10)
    """The row of a worker without a heartbeat for this long is deleted."""
    strays: timedelta = timedelta(hours=1)
    """How often stray workflows are looked for, and their minimum age."""


class Reconciler:
    """Resolves differences between the engine and the rows; one reconciler works at a time in an installation."""

    def __init__(
        self, ports: Ports, engine: WorkflowEngine, jobs: Iterable[JobType[Any, Any]], pace: Pace | None = None
    ) -> None:
        """Take the history limits from ``jobs``."""
        self._ports = ports
        self._engine = engine
        self._history = History(ports, jobs)
        self._pace = pace or Pace()
        self._strays = StrayWorkflows(ports, engine, self._pace.strays)

    def run(self, stop: threading.Event) -> None:
        """Do a pass every ``pace.every`` until ``stop``; skip it while the engine or the database is unavailable."""
        while not stop.wait(self._pace.every.total_seconds()):
            try:
                self.pass_once()
            except UnavailableError as error:
                _log.info("reconciler_waiting", reason=error.message)

    def pass_once(self) -> bool:
        """Do one pass; return False when another process does one. Raises UnavailableError while the engine is away."""
        with turn(self._ports.db, "reconciler", _TURN) as acquired:
            if acquired:
                self._tidy()
                self._engine.prepare()
                self._settle()
                self._end_tasks()
                self._resync()
                self._strays.check()
            return acquired

    def _tidy(self) -> None:
        cutoff = clock_ms() - int(self._pace.gone.total_seconds() * 1000)
        with self._context().write() as session:
            holder = gate.clear_expired(session)
            session.execute(sa.delete(WorkerProcess).where(WorkerProcess.heartbeat_at < cutoff))
        if holder is not None:
            _log.warning("write_lease_expired", holder=holder)
        swept = self._history.sweep()
        if swept:
            _log.info("executions_forgotten", count=swept)

    def _end_tasks(self) -> None:
        """End open tasks of executions that have ended."""
        for row in self._context().rows(_LEFT_BEHIND, {}):
            status = Status.ERROR if row.status == Status.ERROR else Status.STOPPED
            ended = tasks.MOST
            while ended == tasks.MOST:
                with self._context().write() as session:
                    ended = tasks.end_open(session, row.id, status, "its execution ended", self._ports.clock.now())

    def _settle(self) -> None:
        still = self._ports.clock.now() - self._pace.still
        for row in self._context().rows(_STANDING, {"still": still}):
            state = self._engine.describe(row.workflow_id)
            if state is None:
                self._redispatch_or_end(row)
            elif not state.running:
                self._end(row, state.status, state.message)

    def _redispatch_or_end(self, row: Row[Any]) -> None:
        now = self._ports.clock.now()
        if row.dispatched_at > now - self._pace.lost:
            return
        if row.start_time is not None or row.extra_attrs.get(_REDISPATCHED):
            self._end(row, Status.ERROR, "workflow lost")
            return
        again = {"dispatched_at": None, "update_time": now, "extra_attrs": {**row.extra_attrs, _REDISPATCHED: True}}
        with self._context().write() as session:
            session.execute(_open(row.id).values(again), execution_options={"synchronize_session": False})
            self._ports.bell.ring(session)
        _log.warning("workflow_redispatched", workflow_id=row.workflow_id, execution_id=row.id)

    def _end(self, row: Row[Any], status: str, message: str) -> None:
        with self._context().write() as session:
            rows.finalise(session, row.workflow_id, status, message, self._ports.clock.now())
        _log.warning(
            "execution_settled", workflow_id=row.workflow_id, execution_id=row.id, status=status, reason=message
        )

    def _resync(self) -> None:
        listed = set(self._engine.schedule_ids())
        missing = [
            row.id
            for row in self._context().rows(_SCHEDULES, {})
            if schedule_name(row.vendor_type, row.vendor_id) not in listed
        ]
        if missing:
            with self._context().write() as session:
                session.execute(sa.update(Schedule).where(Schedule.id.in_(missing)).values(synced_generation=0))
                self._ports.bell.ring(session)
            _log.warning("schedules_missing", count=len(missing))

    def _context(self) -> Context:
        return Context(self._ports, SYSTEM)


def _open(execution_id: int) -> sa.Update:
    return sa.update(Execution).where(Execution.id == execution_id, Execution.end_time.is_(None))


_STANDING = (
    sa.select(Execution.id, Execution.workflow_id, Execution.dispatched_at, Execution.start_time, Execution.extra_attrs)
    .where(
        Execution.end_time.is_(None),
        Execution.dispatched_at.is_not(None),
        Execution.update_time < sa.bindparam("still"),
    )
    .order_by(Execution.update_time)
    .limit(_BATCH)
)
_SCHEDULES = sa.select(Schedule.id, Schedule.vendor_type, Schedule.vendor_id).where(
    sa.not_(Schedule.deleted), Schedule.synced_generation == Schedule.generation
)
_LEFT_BEHIND = tasks.left_behind()
