"""Uploads: from a session's first byte to a blob in a repository."""

from app.artifacts.blobs import BlobService
from app.context import Context
from app.core import ids
from app.core.digest import Digest
from app.core.errors import DigestInvalid, UploadUnknown
from app.core.reference import RepositoryName
from app.db import gate
from app.db.database import retried
from app.projects import quotas
from app.storage import sessions
from app.storage.ingest import Body, Content, Ingest
from app.storage.sessions import Reached, UploadSession


class UploadService:
    """Upload sessions of repositories, for one call. A session belongs to the repository name it was started under."""

    def __init__(self, ctx: Context) -> None:
        """Serve the call of ``ctx``."""
        self._ctx = ctx
        self._ingest = Ingest(ctx.ports.db, ctx.ports.storage, ctx.ports.clock)

    def start(self, name: RepositoryName, algorithm: str = "sha256") -> UploadSession:
        """Begin a session whose content is hashed by ``algorithm`` on the way.

        ProjectUnknown without the project, QuotaExceeded when it is full; ReadOnly or UnavailableError while content
        may not change, StorageFull while there is no room.
        """
        self._ctx.ports.room.require()
        gate.refuse_when_closed(gate.glance(self._ctx.ports.db))
        project = quotas.project_with_room(self._ctx, name.project)
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
        with self._ctx.write(durable=False) as session:
            sessions.insert(session, upload, self._ctx.ports.clock.now())
        return upload

    def find(self, name: RepositoryName, upload_id: str, *, finished: bool = False) -> UploadSession:
        """The session, with ``finished`` also for some minutes after its end; UploadUnknown without one."""
        upload = sessions.find(self._ctx.ports.db, upload_id, name, self._ctx.ports.clock.now())
        if upload.digest is not None and not finished:
            raise UploadUnknown
        return upload

    def append(self, upload: UploadSession, body: Body, length: int | None = None) -> int:
        """Add a part at the session's offset and return the new one; errors as ``Ingest.append``."""
        room = self._ctx.ports.room
        room.require()
        return self._ingest.append(upload, room.guarded(body), length)

    def complete(
        self, name: RepositoryName, upload: UploadSession, digest: Digest, body: Body | None, length: int | None = None
    ) -> None:
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
        room = self._ctx.ports.room
        room.require()
        with self._ingest.closing(upload, None if body is None else room.guarded(body), digest, length) as content:
            entered = self._commit(name, content)
        if not entered:
            self._ctx.ports.storage.delete(upload.key)

    def cancel(self, upload: UploadSession) -> None:
        """End the session and forget its bytes, also while a request is writing to it."""
        with self._ctx.write() as session:
            cancelled = sessions.cancel(session, upload, self._ctx.ports.clock.now())
        if cancelled:
            self._ctx.ports.storage.delete(upload.key)

    @retried()
    def _commit(self, name: RepositoryName, content: Content) -> bool:
        with self._ctx.write_content() as session:
            reached = Reached(offset=content.size, hash_state=None, update_time=self._ctx.ports.clock.now())
            sessions.finish(session, content.upload, content.holder, digest=content.digest, reached=reached)
            key = content.upload.key
            return BlobService(self._ctx).enter(session, name, content.digest, key, content.size)
