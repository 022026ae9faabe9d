"""Uploads: from a session's first byte to a blob in a repository."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.artifacts.blobs import BlobService
from app.artifacts.quarantine import NewObject, broken_key
from app.artifacts.room import UploadRoom
from app.context import Context
from app.core import ids
from app.core.digest import Digest
from app.core.errors import DigestInvalid, QuotaExceeded, UploadUnknown
from app.core.pausing import Pausing
from app.core.reference import RepositoryName
from app.db import gate
from app.db.database import retried
from app.storage import sessions
from app.storage.ingest import Body, Content, Ingest
from app.storage.sessions import Reached, UploadSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Content on its way into a session."""

    pieces: Iterable[memoryview]
    """Each is valid until the next is asked for; an empty one means that nothing comes for a moment."""
    length: int | None = None
    """The bytes that it must turn out to have, when nothing else makes sure of that."""
    declared: int | None = None
    """The bytes that were announced; None when they were not."""


class UploadService:
    """Upload sessions of repositories, for one call. A session belongs to the repository name it was started under."""

    def __init__(self, ctx: Context) -> None:
        """Serve the call of ``ctx``."""
        self._ctx = ctx
        self._room = UploadRoom(ctx)
        self._ingest = Ingest(ctx.ports.db, ctx.ports.storage, ctx.ports.clock)

    @retried()
    def start(self, name: RepositoryName, algorithm: str = "sha256") -> UploadSession:
        """Begin a session whose content is hashed by ``algorithm`` on the way.

        Errors as ``UploadRoom.require_session``; ReadOnly or UnavailableError while content may not change, StorageFull
        while there is no room on the disk.
        """
        self._ctx.ports.room.require()
        gate.refuse_when_closed(gate.glance(self._ctx.ports.db))
        project = self._room.require_session(name)
        upload = UploadSession(
            id=ids.session_id(),
            repository=name,
            project_id=project,
            key=ids.object_key(),
            offset=0,
            algorithm=algorithm,
            hash_state=None,
            digest=None,
        )
        sessions.insert(self._ctx.ports.db, upload, self._ctx.ports.clock.now(), account=self._room.account())
        return upload

    def find(self, name: RepositoryName, upload_id: str, *, finished: bool = False) -> UploadSession:
        """The session, with ``finished`` also for some minutes after its end; UploadUnknown without one."""
        upload = sessions.find(self._ctx.ports.db, upload_id, name, self._ctx.ports.clock.now())
        if upload.digest is not None and not finished:
            raise UploadUnknown
        return upload

    def append(self, upload: UploadSession, part: Part) -> Pausing[int]:
        """Add a part at the session's offset and return the new one; errors as ``Ingest.append``.

        ReadOnly or UnavailableError while content may not change. QuotaExceeded when the project has no room for so
        many bytes; the session has ended then, since it can never be completed.
        """
        self._ctx.ports.room.require()
        gate.refuse_when_closed(gate.glance(self._ctx.ports.db))
        try:
            return (yield from self._ingest.append(upload, self._admitted(upload, part)))
        except QuotaExceeded:
            self.cancel(upload)
            raise

    def complete(self, name: RepositoryName, upload: UploadSession, digest: Digest, last: Part | None) -> Pausing[None]:
        """Add the last part and make the whole a blob of the repository, durable when this returns; or change nothing.

        Sent again after it succeeded, it succeeds. DigestInvalid when the content has another digest, QuotaExceeded
        when the project has no room for it; errors as ``Ingest.closing``, and those of the write gate.
        """
        if upload.digest is not None:
            if upload.digest != digest:
                raise DigestInvalid(
                    f"the upload was finished with digest {upload.digest}", detail={"actual": upload.digest}
                )
            return
        self._ctx.ports.room.require()
        body = None if last is None else self._admitted(upload, last, digest)
        with self._ingest.closing(upload, body, digest) as arriving:
            content = yield from arriving
            unneeded = self._commit(name, content, broken_key(self._ctx, content))
        if unneeded is not None:
            self._ctx.ports.storage.delete(unneeded)

    @retried()
    def cancel(self, upload: UploadSession) -> None:
        """End the session and forget its bytes, also while a request is writing to it."""
        with self._ctx.write() as session:
            cancelled = sessions.cancel(session, upload, self._ctx.ports.clock.now())
        if cancelled:
            self._ctx.ports.storage.delete(upload.key)

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
