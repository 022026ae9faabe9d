"""The purge of upload sessions: those nobody continues, with their bytes, and those that were finished a while ago."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Row

from app.artifacts.sealed_sessions import LIFE
from app.core.errors import DomainError
from app.db import gate
from app.db.types import clock_ms
from app.garbage.contracts import Purged, PurgeInput
from app.garbage.small_objects import purge_batches
from app.garbage.sweep import IS_CLAIMED, claimed, forget, unlink
from app.jobs.runs import JobRun
from app.storage.models import CANCELLED, Blob, Upload

_log = structlog.get_logger()
_BATCH: Final = 500
_LEASE_MS: Final = 600_000
_SLICE_SECONDS: Final = 60.0


class UploadPurge:
    """Ends each session before its bytes go, its bytes before its row: a crash leaves a row for the next run.

    What has ended nobody can go on with, however long the storage takes to delete it. A row stays as long as there may
    be somebody with the session's sealed id, who must hear of its end.
    """

    def __init__(self, run: JobRun, asked: PurgeInput) -> None:
        self._ctx = run.ctx
        self._run = run
        self._holder = run.workflow_id[-36:]
        self._asked = asked

    def run(self, go_on: Callable[[], bool], seconds: float = _SLICE_SECONDS) -> Purged:
        """Purge until nothing is left, ``seconds`` have passed or ``go_on`` says no."""
        deadline = time.monotonic() + seconds
        sessions = objects = found = 0
        while go_on() and time.monotonic() < deadline:
            purged = self._sessions(go_on)
            lost = self._lost_objects(go_on)
            batches, unused = purge_batches(self._ctx, go_on)
            sessions, objects, found = sessions + purged, objects + lost + unused, purged + lost + batches
            if not found:
                break
        self._run.count({"purged_uploads": sessions, "purged_objects": objects})
        return Purged(sessions=sessions, objects=objects, done=not found)

    def _sessions(self, go_on: Callable[[], bool]) -> int:
        gone = []
        for row in self._end():
            if not go_on():
                break
            if row.used or self._unlink(row):
                gone.append(row.id)
        if gone:
            mine = sa.delete(Upload).where(
                Upload.id.in_(gone),
                Upload.lease_holder == self._holder,
                Upload.creation_time < self._ctx.ports.clock.now() - LIFE,
            )
            with self._ctx.write() as session:
                session.execute(mine, execution_options={"synchronize_session": False})
        return len(gone)

    def _end(self) -> Sequence[Row[str, str, bool]]:
        """End a batch of sessions that are due and keep other purges off them; ``used`` when the bytes are a blob."""
        now = self._ctx.ports.clock.now()
        asked = {
            "expired": now - timedelta(seconds=self._asked.expiry_seconds),
            "finished": now - timedelta(seconds=self._asked.finished_seconds),
            "sealed": now - LIFE,
            "holder": self._holder,
            "limit": _BATCH,
        }
        mine = {
            "digest": sa.func.coalesce(Upload.digest, CANCELLED),
            "lease_holder": self._holder,
            "lease_until": clock_ms() + _LEASE_MS,
        }
        with self._ctx.write() as session:
            due = session.execute(_DUE, asked).scalars().all()
            taken = sa.update(Upload).where(Upload.id.in_(due)).values(mine)
            session.execute(taken, execution_options={"synchronize_session": False})
            used = sa.exists().where(Blob.key == Upload.key).label("used")
            return session.execute(sa.select(Upload.id, Upload.key, used).where(Upload.id.in_(due))).all()

    def _unlink(self, row: Row[str, str, bool]) -> bool:
        try:
            self._ctx.ports.storage.delete(row.key)
        except (DomainError, OSError) as error:
            _log.error("upload_delete_failed", upload=row.id, key=row.key, reason=str(error))
            return False
        return True

    def _lost_objects(self, go_on: Callable[[], bool]) -> int:
        """Free objects that lost against an equal upload; a collection at work does it itself."""
        with self._ctx.read() as session:
            if gate.state(session).leased_ms > 0:
                return 0
            lost = claimed(session.execute(_LOST).all())
        gone = [blob.id for blob in lost if go_on() and unlink(self._ctx, blob)]
        return forget(self._ctx, gone)[0] if gone else 0


_FREE = sa.or_(
    Upload.lease_holder.is_(None), Upload.lease_until <= clock_ms(), Upload.lease_holder == sa.bindparam("holder")
)
_DUE = (
    sa.select(Upload.id)
    .where(
        sa.or_(
            sa.and_(
                Upload.digest.is_(None), Upload.update_time < sa.bindparam("expired", type_=Upload.update_time.type)
            ),
            sa.and_(
                Upload.digest.is_not(None),
                Upload.update_time < sa.bindparam("finished", type_=Upload.update_time.type),
                Upload.creation_time < sa.bindparam("sealed", type_=Upload.creation_time.type),
            ),
        ),
        _FREE,
    )
    .order_by(Upload.update_time)
    .limit(sa.bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_LOST = sa.select(Blob.id, Blob.key, Blob.digest).where(IS_CLAIMED).order_by(Blob.id).limit(_BATCH)
