"""Ending stray workflows: those without an execution row, as after the database was restored from a backup."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.jobs.engine import RunningWorkflow, WorkflowEngine
from app.jobs.models import Execution

_log = structlog.get_logger()
_OURS: Final = re.compile(r"[a-z][a-z0-9-]*-[0-9]+-[0-9]+-[0-9a-f]{8}|schedule-[A-Z0-9_]+-[0-9]+-[^/]+")
"""The ids of executions' workflows; child workflows have longer ids and end with their parents."""
_PAGE: Final = 500
_PAGES: Final = 20
_MOST: Final = 100
"""The most workflows that one check ends."""


class StrayWorkflows:
    """Ends workflows that belong neither to an open execution nor to one that ended recently.

    A stray workflow is cancelled, and terminated by the next check if it still runs. It cannot change anything
    meanwhile, because each of its steps requires the row.
    """

    def __init__(self, ports: Ports, engine: WorkflowEngine, every: timedelta) -> None:
        """Check at intervals of ``every`` the workflows that have been running for at least as long."""
        self._ports = ports
        self._engine = engine
        self._every = every
        self._due: datetime | None = None
        self._cancelled: frozenset[str] = frozenset()

    def check(self) -> None:
        """Check when a check is due; raise UnavailableError while the engine is away, and stay due."""
        now = self._ports.clock.now()
        if self._due is not None and now < self._due:
            return
        strays = self._strays(now - self._every)
        for workflow_id in strays:
            again = workflow_id in self._cancelled
            if again:
                self._engine.terminate(workflow_id, "no execution asks for it")
            else:
                self._engine.cancel(workflow_id)
            _log.warning("stray_workflow_ended", workflow_id=workflow_id, by="termination" if again else "cancellation")
        self._cancelled = frozenset(strays)
        self._due = now + self._every

    def _strays(self, since: datetime) -> Sequence[str]:
        strays: list[str] = []
        before = since
        for _ in range(_PAGES):
            page = self._engine.running(before, _PAGE)
            strays += self._not_requested(page, since)
            if len(page) < _PAGE or len(strays) >= _MOST:
                break
            before = page[-1].started
        return strays[:_MOST]

    def _not_requested(self, page: Sequence[RunningWorkflow], since: datetime) -> list[str]:
        ours = [workflow.id for workflow in page if _OURS.fullmatch(workflow.id)]
        if not ours:
            return []
        with Context(self._ports, SYSTEM).read() as session:
            requested = set(session.execute(_REQUESTED, {"ids": ours, "since": since}).scalars())
        return [workflow_id for workflow_id in ours if workflow_id not in requested]


_REQUESTED: Final = sa.select(Execution.workflow_id).where(
    Execution.workflow_id.in_(sa.bindparam("ids", expanding=True)),
    sa.or_(Execution.end_time.is_(None), Execution.end_time > sa.bindparam("since", type_=Execution.end_time.type)),
)
