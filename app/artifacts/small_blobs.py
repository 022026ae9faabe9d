"""Upload of small blobs in one request: checked in memory, written as one object, committed in one transaction."""

from dataclasses import replace
from typing import Final

from app.artifacts.blobs import BlobService
from app.artifacts.quarantine import NewObject, broken_key_or_none
from app.artifacts.room import UploadRoom
from app.artifacts.session_rows import SessionRows
from app.artifacts.subjects import UploadStart
from app.artifacts.upload_parts import Part
from app.context import Context
from app.core.digest import Digest
from app.core.errors import Contended, DigestInvalid
from app.core.pausing import Pausing
from app.core.reference import RepositoryName
from app.db.database import retried
from app.projects import quotas
from app.storage import sessions
from app.storage.ingest import Content
from app.storage.sessions import UploadSession

SMALL: Final = 1024 * 1024
"""The size in bytes up to which a blob is checked in memory."""


class SmallBlobs:
    """Finishes upload sessions without bytes with content that arrives in one request, for one call."""

    def __init__(self, ctx: Context) -> None:
        """Serve the call of ``ctx``."""
        self._ctx = ctx
        self._room = UploadRoom(ctx)
        self._rows = SessionRows(ctx)

    def complete(self, name: RepositoryName, upload: UploadSession, digest: Digest, part: Part | None) -> Pausing[None]:
        """Store the part, or empty content without one, as a durable blob of the repository.

        Insert the session's row in the same transaction, as finished; change nothing on an error. Raise what
        ``UploadService.complete`` raises.
        """
        project = quotas.require_project(self._ctx, name.project)
        self._ctx.admit(UploadStart(project_id=project.id, repository=name))
        upload = replace(upload, project_id=project.id)
        pieces = []
        if part is not None:
            if project.limit != quotas.UNLIMITED:
                self._room.require_room(upload, part.declared or 0, digest)
            for piece in part.pieces:
                pieces.append(bytes(piece))
                if not piece:
                    yield
        content = b"".join(pieces)
        actual = Digest.of(content, digest.algorithm)
        if actual != digest:
            raise DigestInvalid(detail={"expected": digest, "actual": actual, "size": len(content)})
        self._store(name, upload, digest, content)
        self._rows.added()

    @retried()
    def _store(self, name: RepositoryName, upload: UploadSession, digest: Digest, content: bytes) -> None:
        ports = self._ctx.ports
        batched = ports.key_batches.take(ports.clock.now())
        upload = replace(upload, key=batched.key, offset=len(content), digest=digest, stored=True)
        unneeded: str | None = batched.key
        try:
            ports.storage.put(batched.key, content)
            stored = Content(upload=upload, digest=digest, size=len(content), holder="", keep=lambda: None)
            new = NewObject(
                key=batched.key,
                size=len(content),
                instead_of=broken_key_or_none(self._ctx, stored),
                batch=batched.prefix,
            )
            with self._ctx.write_content() as session:
                sessions.insert(session, upload, self._rows.entry())
                losing = BlobService(self._ctx).enter(session, name, digest, new)
                unneeded = None
            unneeded = losing
        except Contended:
            ports.key_batches.leave()
            raise
        finally:
            if unneeded is not None:
                ports.storage.delete(unneeded)
