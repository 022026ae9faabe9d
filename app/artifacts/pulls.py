"""Counting of pulls: each process buffers them and writes them in batches."""

import atexit
import os
import threading
from collections import Counter, deque
from datetime import datetime
from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.access.principals import SYSTEM
from app.artifacts.models import Artifact, Repository, Tag
from app.configuration.keys import PULL_COUNT_UPDATE_DISABLE, PULL_TIME_UPDATE_DISABLE
from app.configuration.service import ConfigurationService
from app.context import Context, Ports
from app.db.database import retried
from app.db.plans import run_many
from app.events.content import ArtifactPulled, ContentPulled

_BATCH: Final = 500
_BOUND: Final = 50_000
_INTERVAL: Final = 1.0
_PATIENCE: Final = 10.0


class PullBuffer:
    """Buffers pulls, and writes them within a second, at 500 pulls, and at the end of the process.

    Its thread starts with the first pull, and so after the fork of a web process. While the database cannot be written
    the pulls are kept; beyond 50,000 the oldest are dropped, and their number is logged.
    """

    def __init__(self) -> None:
        """Create an empty buffer; it can write after ``start``."""
        self._ports: Ports | None = None
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def start(self, ports: Ports) -> None:
        """Set the ports of the installation to write to; the thread starts with the first pull."""
        self._ports = ports

    def add(self, pull: ArtifactPulled) -> None:
        """Add a pull to the buffer; never wait for the database and never raise."""
        pulls = self._pulls
        pulls.append(pull)
        if self._idle or len(pulls) >= _BATCH:
            self._rouse()

    def flush(self, ctx: Context) -> int:
        """Write all buffered pulls, at most 500 per transaction, and return their number."""
        written = 0
        with self._flushing:
            while batch := self._take():
                try:
                    write_pulls(ctx, batch)
                except BaseException:
                    self._give_back(batch)
                    raise
                written += len(batch)
        return written

    def close(self) -> None:
        """Write the remaining pulls and end the thread; pulls that cannot be written are lost, and logged."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
        self._attempt()

    def _reset(self) -> None:
        self._pulls: deque[ArtifactPulled] = deque()
        self._dropped = 0
        self._wake = threading.Condition()
        self._flushing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._idle = True
        """True while the thread, if there is one, sleeps until it is woken; ``add`` reads this after adding a pull."""

    def _rouse(self) -> None:
        with self._wake:
            while len(self._pulls) > _BOUND:
                self._pulls.popleft()
                self._dropped += 1
            if self._ports is None:
                return
            self._idle = False
            if self._thread is None:
                self._launch()
            self._wake.notify()

    def _launch(self) -> None:
        self._thread = threading.Thread(target=self._run, name="pulls", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _run(self) -> None:
        pause = _INTERVAL
        while not self._closing:
            with self._wake:
                self._wake.wait_for(self._has_work)
                self._idle = False
                self._wake.wait_for(lambda: len(self._pulls) >= _BATCH or self._closing, pause)
            pause = _INTERVAL if self._attempt() else min(pause * 2, _PATIENCE)

    def _has_work(self) -> bool:
        self._idle = True
        return bool(self._pulls) or self._closing

    def _attempt(self) -> bool:
        ports = self._ports
        if ports is None or not self._pulls:
            return True
        try:
            self.flush(Context(ports, SYSTEM))
        except Exception:
            log = structlog.get_logger()
            log.warning("pulls not written", waiting=len(self._pulls), dropped=self._dropped, exc_info=True)
            return False
        return True

    def _take(self) -> list[ArtifactPulled]:
        with self._wake:
            count = min(len(self._pulls), _BATCH)
            return [self._pulls.popleft() for _ in range(count)]

    def _give_back(self, batch: list[ArtifactPulled]) -> None:
        with self._wake:
            self._pulls.extendleft(reversed(batch))


@retried()
def write_pulls(ctx: Context, pulls: list[ArtifactPulled]) -> None:
    """Update pull counts and pull times, and emit the pulls, in one transaction that the write gate does not stop."""
    with ctx.write(durable=False) as session:
        now = ctx.ports.clock.now()
        configuration = ConfigurationService(ctx)
        if not configuration.recent(PULL_COUNT_UPDATE_DISABLE):
            _count(session, pulls)
        if not configuration.recent(PULL_TIME_UPDATE_DISABLE):
            _date(session, pulls, now)
        ctx.emit(ContentPulled(pulls=tuple(pulls)))


def _count(session: Session, pulls: list[ArtifactPulled]) -> None:
    counts = sorted(Counter(pull.repository for pull in pulls).items())
    run_many(session, _REPOSITORY, [{"repository": name, "pulls": count} for name, count in counts])


def _date(session: Session, pulls: list[ArtifactPulled], now: datetime) -> None:
    artifacts = sorted({pull.artifact_id for pull in pulls})
    run_many(session, _ARTIFACT, [{"artifact": artifact, "now": now} for artifact in artifacts])
    tags = sorted({(pull.artifact_id, pull.tag) for pull in pulls if pull.tag is not None})
    if tags:
        run_many(session, _TAG, [{"artifact": artifact, "tag": tag, "now": now} for artifact, tag in tags])


_REPOSITORY = (
    sa.update(Repository)
    .where(Repository.name == sa.bindparam("repository"))
    .values(pull_count=Repository.pull_count + sa.bindparam("pulls"))
)
_ARTIFACT = sa.update(Artifact).where(Artifact.id == sa.bindparam("artifact")).values(pull_time=sa.bindparam("now"))
_TAG = (
    sa.update(Tag)
    .where(Tag.artifact_id == sa.bindparam("artifact"), Tag.name == sa.bindparam("tag"))
    .values(pull_time=sa.bindparam("now"))
)
