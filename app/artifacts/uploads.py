"""Upload sessions of blobs: start, append, complete and cancel."""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from app.artifacts.blobs import BlobService
from app.artifacts.quarantine import NewObject, broken_key_or_none
from app.artifacts.room import UploadRoom
from app.artifacts.sealed_sessions import is_id, seal, unseal_or_none
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
"""The project id of a session without a row, which counts against no limit."""


class UploadService:
    """The upload sessions of repositories, for one call; a session belongs to the repository it was started in."""

    def __init__(self, ctx: Context) -> None:
        """Serve the call of ``ctx``."""
        self._ctx = ctx
        self._room = UploadRoom(ctx)
        self._rows = SessionRows(ctx)
        self._ingest = Ingest(ctx.ports.db, ctx.ports.storage, ctx.ports.clock)

    @retried()
    def start(self, name: RepositoryName, algorithm: str = "sha256") -> UploadSession:
        """Start a session whose content is hashed with ``algorithm`` while it arrives.

        It has no row before its first bytes. Raise what ``UploadRoom.require_project`` raises; ReadOnly or
        UnavailableError while content must not change; StorageFull while the disk is full.
        """
        self._ctx.ports.room.require()
        gate.require_open(gate.glance(self._ctx.ports.db))
        self._room.require_project(name)
        return _sealed(name, seal(self._ctx, name, algorithm), algorithm)

    def find(self, name: RepositoryName, upload_id: str, *, finished: bool = False) -> UploadSession:
        """Return an open session, or with ``finished`` one that finished some minutes ago; raise UploadUnknown."""
        if not is_id(upload_id):
            raise UploadUnknown
        upload = sessions.find_or_none(self._ctx.ports.db, upload_id, name, self._ctx.ports.clock.now())
        if upload is None:
            unsealed = unseal_or_none(self._ctx, name, upload_id)
            if unsealed is None:
                raise UploadUnknown
            return _sealed(name, upload_id, unsealed.algorithm)
        if upload.digest is not None and not finished:
            raise UploadUnknown
        return upload

    def append(self, upload: UploadSession, part: Part) -> Pausing[int]:
        """Append a part at the session's offset and return the new offset.

        Raises: what ``Ingest.append`` raises; ReadOnly or UnavailableError while content must not change; QuotaExceeded
        when the part exceeds the project's quota, which cancels the session; TooManyRequests when the account or the
        project has too many open sessions.
        """
        self._ctx.ports.room.require()
        gate.require_open(gate.glance(self._ctx.ports.db))
        if part.declared == 0 and not upload.stored:
            return 0
        upload = self._stored(upload)
        try:
            return (yield from self._ingest.append(upload, self._admitted(upload, part)))
        except QuotaExceeded:
            self.cancel(upload)
            raise

    def complete(self, name: RepositoryName, upload: UploadSession, digest: Digest, last: Part | None) -> Pausing[None]:
        """Append the last part and store the content as a durable blob of the repository; change nothing on an error.

        A repeated request for a finished session succeeds while the repository holds the blob, and raises UploadUnknown
        afterwards.

        Raises: DigestInvalid when the content has another digest; QuotaExceeded when it exceeds the project's quota;
        what ``Ingest.closing`` and the write gate raise.
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
            unneeded = self._commit(name, content, broken_key_or_none(self._ctx, content))
        if unneeded is not None:
            self._ctx.ports.storage.delete(unneeded)

    def abandon(self, upload: UploadSession) -> None:
        """Cancel a session whose id the client never got, and delete its bytes."""
        with suppress(UploadUnknown):
            name = RepositoryName(upload.repository)
            stored = sessions.find_or_none(self._ctx.ports.db, upload.id, name, self._ctx.ports.clock.now())
            if stored is not None and stored.digest is None:
                self.cancel(stored)

    @retried()
    def cancel(self, upload: UploadSession) -> None:
        """Cancel the session and delete its bytes, also while a request is writing to it."""
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
        """Claim the blob of a finished session, until a manifest names it; raise UploadUnknown when it is deleted."""
        blobs = BlobService(self._ctx)
        try:
            blobs.claim(name, digest, blobs.find(name, digest, public_only=False))
        except BlobUnknown as error:
            raise UploadUnknown("the blob of this upload was deleted meanwhile") from error

    def _stored(self, upload: UploadSession) -> UploadSession:
        """Insert the session's row, if it has none, and return the session.

        Raise ProjectUnknown, what ``SessionRows.open`` raises, and what an admission check raises.
        """
        if upload.stored:
            return upload
        project = quotas.require_project(self._ctx, RepositoryName(upload.repository).project)
        self._ctx.admit(UploadStart(project_id=project.id, repository=upload.repository))
        upload = _with_row(upload, project.id)
        self._rows.open(upload, project)
        return upload

    def _admitted(self, upload: UploadSession, part: Part, digest: Digest | None = None) -> Body:
        """Return the part as a body that is checked against the project's quota and the free space on the disk."""
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
