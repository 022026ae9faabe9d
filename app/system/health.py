"""Check the health of the system, component by component."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from app.context import Context
from app.core.errors import DomainError, UnavailableError
from app.db.types import clock_ms
from app.jobs.models import WorkerProcess

_WORKER_SILENCE_MS: Final = 60_000
"""A worker without a heartbeat for this long is not counted."""
_STARTING: Final = timedelta(seconds=30)
"""How long after the start missing workers, and a worker without Temporal, are no failure yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """The health of one component; ``error`` is empty when it is healthy."""

    name: str
    error: str = ""

    @property
    def status(self) -> str:
        """``healthy`` or ``unhealthy``, as Harbor writes it."""
        return "unhealthy" if self.error else "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The health of the system."""

    components: tuple[Component, ...]

    @property
    def status(self) -> str:
        """``healthy`` when every component is, else ``unhealthy``."""
        return "unhealthy" if any(component.error for component in self.components) else "healthy"


class HealthService:
    """Checks the components of this installation; needs no rights."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def health(self) -> Health:
        """Check every component; a failure is part of the result and never raised.

        In the first half minute of this process missing workers are no failure, and neither is a worker that has not
        reached Temporal in its own first half minute: when all start together, none is reported as broken.
        """
        checks: tuple[tuple[str, Callable[[], None]], ...] = (
            ("core", lambda: None),
            ("database", self._check_database),
            ("jobservice", self._check_workers),
            ("registry", self._check_storage),
        )
        return Health(components=tuple(_component(name, check) for name, check in checks))

    def _check_database(self) -> None:
        with self._ctx.read() as session:
            session.execute(sa.select(1))

    def _check_storage(self) -> None:
        self._ctx.ports.room.look()
        self._ctx.ports.room.require()
        self._ctx.ports.storage.require_writable()

    def _check_workers(self) -> None:
        with self._ctx.read() as session:
            workers = session.execute(_LIVE_WORKERS).all()
        if not workers and not self._starting(self._ctx.ports.started_at):
            raise UnavailableError("no worker is running")
        if workers and not any(worker.temporal_reachable or self._starting(worker.started_at) for worker in workers):
            raise UnavailableError("no worker reaches Temporal")

    def _starting(self, since: datetime) -> bool:
        return self._ctx.ports.clock.now() - since < _STARTING


def _component(name: str, check: Callable[[], None]) -> Component:
    try:
        check()
    except DomainError as error:
        return Component(name=name, error=error.message)
    except OSError as error:
        return Component(name=name, error=error.strerror or "an error of the operating system")
    return Component(name=name)


_LIVE_WORKERS = sa.select(WorkerProcess.temporal_reachable, WorkerProcess.started_at).where(
    WorkerProcess.heartbeat_at > clock_ms() - _WORKER_SILENCE_MS
)
