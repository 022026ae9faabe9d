"""The purge of upload sessions: abandoned ones with their bytes, and ones that were finished a while ago."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog

from app.artifacts import tag_history
from app.artifacts.sealed_sessions import LIFE
from app.core.errors import DomainError
from app.db import gate
from app.garbage.contracts import Purged, PurgeInput
from app.garbage.small_objects import purge_batches
from app.garbage.sweep import unlink
from app.jobs.runs import JobRun
from app.storage import claimed
from app.storage.purging import DueSessions, EndedSession, end_sessions, forget_sessions

_log = structlog.get_logger()
_BATCH: Final = 500
_SLICE_SECONDS: Final = 60.0


class UploadPurge:
    """Ends a session, deletes its bytes, then its row, in this order: after a crash the next run finds the row.

    An ended session cannot be continued, even while the storage still deletes its bytes. The row stays as long as
    a client may hold the session's sealed id, so that the client is told that the session has ended.
    """

    def __init__(self, run: JobRun, job_input: PurgeInput) -> None:
        self._ctx = run.ctx
        self._run = run
        self._holder = run.workflow_id[-36:]
        self._input = job_input

    def run(self, go_on: Callable[[], bool], seconds: float = _SLICE_SECONDS) -> Purged:
        """Purge until nothing is left, ``seconds`` have passed or ``go_on`` returns False; trim the history of tags."""
        deadline = time.monotonic() + seconds
        sessions = objects = purged = 0
        while go_on() and time.monotonic() < deadline:
            ended = self._sessions(go_on)
            lost = self._lost_objects(go_on)
            batches, unused = purge_batches(self._ctx, go_on)
            sessions, objects, purged = sessions + ended, objects + lost + unused, ended + lost + batches
            if not purged:
                break
        if not purged:
            tag_history.trim(self._ctx, go_on)
        self._run.count({"purged_uploads": sessions, "purged_objects": objects})
        return Purged(sessions=sessions, objects=objects, done=not purged)

    def _sessions(self, go_on: Callable[[], bool]) -> int:
        now = self._ctx.ports.clock.now()
        due = DueSessions(
            expired=now - timedelta(seconds=self._input.expiry_seconds),
            finished=now - timedelta(seconds=self._input.finished_seconds),
            sealed=now - LIFE,
            holder=self._holder,
            limit=_BATCH,
        )
        with self._ctx.write() as session:
            ended = end_sessions(session, due)
        deleted = []
        for upload in ended:
            if not go_on():
                break
            if upload.used or self._unlink(upload):
                deleted.append(upload.id)
        if deleted:
            with self._ctx.write() as session:
                forget_sessions(session, deleted, holder=self._holder, sealed=self._ctx.ports.clock.now() - LIFE)
        return len(deleted)

    def _unlink(self, upload: EndedSession) -> bool:
        try:
            self._ctx.ports.storage.delete(upload.key)
        except (DomainError, OSError) as error:
            _log.error("upload_delete_failed", upload=upload.id, key=upload.key, reason=str(error))
            return False
        return True

    def _lost_objects(self, go_on: Callable[[], bool]) -> int:
        """Delete the objects of uploads that lost against an equal one, unless a collection runs, which does it too."""
        with self._ctx.read() as session:
            if gate.state(session).leased_ms > 0:
                return 0
            lost = claimed.some(session, _BATCH)
        deleted = [blob.id for blob in lost if go_on() and unlink(self._ctx, blob)]
        if not deleted:
            return 0
        with self._ctx.write() as session:
            return claimed.forget(session, deleted)[0]
