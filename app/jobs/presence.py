"""The heartbeat row of a worker process: its host, its queues, and whether it reaches Temporal."""

import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Final

import sqlalchemy as sa
import structlog

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.core import ids
from app.core.errors import UnavailableError
from app.db.types import clock_ms
from app.jobs.models import WorkerProcess

_log = structlog.get_logger()
_EVERY_SECONDS: Final = 5.0
_ALIVE_MS: Final = 30_000


class Presence:
    """Keeps the row of this process: a heartbeat every five seconds, deletion at an orderly shutdown."""

    def __init__(self, ports: Ports, queues: Sequence[str], version: str, reachable: Callable[[], bool]) -> None:
        """Name the process by a new id; ``reachable`` tells whether Temporal answers."""
        self.id = ids.session_id()
        self._ports = ports
        self._queues = list(queues)
        self._version = version
        self._reachable = reachable

    def run(self, stop: threading.Event) -> None:
        """Write a heartbeat every five seconds until ``stop``, then delete the row."""
        while True:
            try:
                self.beat()
            except UnavailableError as error:
                _log.warning("heartbeat_failed", reason=error.message)
            if stop.wait(_EVERY_SECONDS):
                break
        try:
            self.leave()
        except UnavailableError as error:
            _log.warning("heartbeat_failed", reason=error.message)

    def beat(self) -> None:
        """Write a heartbeat; insert the row when it is missing."""
        with Context(self._ports, SYSTEM).write() as session:
            row = session.get(WorkerProcess, self.id)
            if row is None:
                row = WorkerProcess(
                    id=self.id, host=socket.gethostname(), pid=os.getpid(), version=self._version, queues=self._queues
                )
                row.started_at = self._ports.clock.now()
                row.heartbeat_at = 0
                session.add(row)
                session.flush()
            beat = sa.update(WorkerProcess).where(WorkerProcess.id == self.id)
            session.execute(beat.values(heartbeat_at=clock_ms(), temporal_reachable=self._reachable()))

    def leave(self) -> None:
        """Delete the row."""
        with Context(self._ports, SYSTEM).write() as session:
            session.execute(sa.delete(WorkerProcess).where(WorkerProcess.id == self.id))


def alive(ports: Ports) -> int:
    """Return how many workers had a heartbeat within 30 seconds, for the job service's health."""
    return int(Context(ports, SYSTEM).rows(_ALIVE, {})[0][0])


_ALIVE = (
    sa.select(sa.func.count()).select_from(WorkerProcess).where(WorkerProcess.heartbeat_at > clock_ms() - _ALIVE_MS)
)
