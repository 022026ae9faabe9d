"""Uploads: from a session's first byte to a blob in a repository."""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from app.artifacts.blobs import BlobService
from app.artifacts.quarantine import NewObject, broken_key
from app.artifacts.room import UploadRoom
from app.artifacts.sealed_sessions import is_id, seal, unseal
from app.artifacts.session_rows import SessionRows
from app.artifacts.small_blobs import SMALL, SmallBlobs
from app.artifacts.subjects import UploadStart
from app.artifacts.upload_parts import Part
from app.context import Context
from app.core import ids
from app.core.digest import Digest
from app.core.errors import BlobUnknown, DigestInvalid, QuotaExceeded, RangeInvalid, UploadUnknown
from app.core.pausing import Pausing
from app.core.reference import RepositoryName
from app.db import gate
from app.db.database import retried
from app.projects import quotas
from app.storage import sessions
from app.storage.ingest import Body, Content, Ingest
from app.storage.models import CANCELLED
from app.storage.sessions import Reached, UploadSession

NO_PROJECT: Final = 0
"""Of a session without a row, which counts nowhere."""


class UploadService:
    """Upload sessions of repositories, for one call. A session belongs to the repository name it was started under."""

    def __init__(self, ctx: Context) -> None:
        """Serve the call of ``ctx``."""
        self._ctx = ctx
        self._room = UploadRoom(ctx)
        self._rows = SessionRows(ctx)
        self._ingest = Ingest(ctx.ports.db, ctx.ports.storage, ctx.ports.clock)

    @retried()
    def start(self, name: RepositoryName, algorithm: str = "sha256") -> UploadSession:
        """Begin a session whose content is hashed by ``algorithm`` on the way.

        It has no row before it holds bytes. Errors as ``UploadRoom.require_project``; ReadOnly or UnavailableError
        while content may not change, StorageFull while there is no room on the disk.
        """
        self._ctx.ports.room.require()
        gate.refuse_when_closed(gate.glance(self._ctx.ports.db))
        self._room.require_project(name)
        return _sealed(name, seal(self._ctx, name, algorithm), algorithm)

    def find(self, name: RepositoryName, upload_id: str, *, finished: bool = False) -> UploadSession:
        """The session, with ``finished`` also for some minutes after its end; UploadUnknown without one."""
        if not is_id(upload_id):
            raise UploadUnknown
        upload = sessions.find_or_none(self._ctx.ports.db, upload_id, name, self._ctx.ports.clock.now())
        if upload is None:
            unsealed = unseal(self._ctx, name, upload_id)
            if unsealed is None:
                raise UploadUnknown
            return _sealed(name, upload_id, unsealed.algorithm)
        if upload.digest is not None and not finished:
            raise UploadUnknown
        return upload

    def append(self, upload: UploadSession, part: Part) -> Pausing[int]:
        """Add a part at the session's offset and return the new one; errors as ``Ingest.append``.

        ReadOnly or UnavailableError while content may not change. QuotaExceeded when the project has no room for so
        many bytes; the session has ended then, since it can never be completed. TooManyRequests for the first bytes of
        one session too many.
        """
        self._ctx.ports.room.require()
        gate.refuse_when_closed(gate.glance(self._ctx.ports.db))
        if part.declared == 0 and not upload.stored:
            return 0
        upload = self._stored(upload)
        try:
            return (yield from self._ingest.append(upload, self._admitted(upload, part)))
        except QuotaExceeded:
            self.cancel(upload)
            raise

    def complete(self, name: RepositoryName, upload: UploadSession, digest: Digest, last: Part | None) -> Pausing[None]:
        """Add the last part and make the whole a blob of the repository, durable when this returns; or change nothing.

        Sent again after it succeeded, it succeeds while the repository holds the blob, and is UploadUnknown from then
        on. DigestInvalid when the content has another digest, QuotaExceeded when the project has no room for it; errors
        as ``Ingest.closing``, and those of the write gate.
        """
        if upload.digest is not None:
            if upload.digest != digest:
                raise DigestInvalid(
                    f"the upload was finished with digest {upload.digest}", detail={"actual": upload.digest}
                )
            self._require_held(name, digest)
            self._ctx.ports.db.await_durable()
            return
        self._ctx.ports.room.require()
        if not upload.stored:
            size = 0 if last is None else last.declared
            if size is not None and size <= SMALL and self._ctx.ports.small_bodies.take(size):
                try:
                    yield from SmallBlobs(self._ctx).complete(name, upload, digest, last)
                finally:
                    self._ctx.ports.small_bodies.give_back(size)
                return
            upload = self._stored(upload)
        body = None if last is None else self._admitted(upload, last, digest)
        with self._ingest.closing(upload, body, digest) as arriving:
            content = yield from arriving
            unneeded = self._commit(name, content, broken_key(self._ctx, content))
        if unneeded is not None:
            self._ctx.ports.storage.delete(unneeded)

    def abandon(self, upload: UploadSession) -> None:
        """End a session that its client was not told of, and forget its bytes."""
        with suppress(UploadUnknown):
            name = RepositoryName(upload.repository)
            stored = sessions.find_or_none(self._ctx.ports.db, upload.id, name, self._ctx.ports.clock.now())
            if stored is not None and stored.digest is None:
                self.cancel(stored)

    @retried()
    def cancel(self, upload: UploadSession) -> None:
        """End the session and forget its bytes, also while a request is writing to it."""
        if not upload.stored:
            try:
                ended = replace(_with_row(upload), digest=CANCELLED)
                sessions.note_ended(self._ctx.ports.db, ended, self._rows.entry())
            except RangeInvalid:
                upload = self.find(RepositoryName(upload.repository), upload.id)
            else:
                self._rows.added()
                return
        with self._ctx.write() as session:
            cancelled = sessions.cancel(session, upload, self._ctx.ports.clock.now())
        if cancelled:
            self._ctx.ports.storage.delete(upload.key)

    def _require_held(self, name: RepositoryName, digest: Digest) -> None:
        """Make sure that what a finished session became can be pulled, and stays until a manifest names it."""
        blobs = BlobService(self._ctx)
        try:
            blobs.claim(name, digest, blobs.find(name, digest, public_only=False))
        except BlobUnknown as error:
            raise UploadUnknown("the blob of this upload was deleted meanwhile") from error

    def _stored(self, upload: UploadSession) -> UploadSession:
        """The session with a row, from now on; ProjectUnknown, errors as ``SessionRows.open`` and of admission."""
        if upload.stored:
            return upload
        project = quotas.require_project(self._ctx, RepositoryName(upload.repository).project)
        self._ctx.admit(UploadStart(project_id=project.id, repository=upload.repository))
        upload = _with_row(upload, project.id)
        self._rows.open(upload, project)
        return upload

    def _admitted(self, upload: UploadSession, part: Part, digest: Digest | None = None) -> Body:
        """The part as a body that may pass neither the project's limit nor what the disk can take."""
        declared = part.length if part.length is not None else part.declared
        return Body(
            pieces=self._ctx.ports.room.guarded(part.pieces),
            length=part.length,
            admit=self._room.admission(upload, declared, digest),
        )

    @retried()
    def _commit(self, name: RepositoryName, content: Content, broken: str | None) -> str | None:
        with self._ctx.write_content() as session:
            reached = Reached(offset=content.size, hash_state=None, update_time=self._ctx.ports.clock.now())
            sessions.finish(session, content.upload, content.holder, digest=content.digest, reached=reached)
            new = NewObject(key=content.upload.key, size=content.size, instead_of=broken)
            return BlobService(self._ctx).enter(session, name, content.digest, new)


def _sealed(name: RepositoryName, upload_id: str, algorithm: str) -> UploadSession:
    return UploadSession(
        id=upload_id,
        repository=name,
        project_id=NO_PROJECT,
        key="",
        offset=0,
        algorithm=algorithm,
        hash_state=None,
        digest=None,
        stored=False,
    )


def _with_row(upload: UploadSession, project_id: int = NO_PROJECT) -> UploadSession:
    return replace(upload, project_id=project_id, key=ids.object_key(), stored=True)
