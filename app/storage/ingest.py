"""The transfer engine: bodies into objects under a lease, hashed on the way, no transaction open while they stream."""

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from app.core.clock import Clock
from app.core.digest import Digest
from app.core.errors import DigestInvalid, DomainError, NotFoundError, SizeInvalid, UploadUnknown
from app.db.database import Database
from app.storage import hash_state, sessions
from app.storage.hash_state import RunningHash
from app.storage.sessions import LEASE_MS, Reached, UploadSession
from app.storage.store import BlobStore

_RENEW_SECONDS = LEASE_MS / 1000 / 3
_REREAD_BYTES = 256 * 1024

Body = Iterable[memoryview]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes that are durable and have the digest they were sent for, of a session that nobody else can finish."""

    upload: UploadSession
    digest: Digest
    size: int
    holder: str | None
    """Who must still own the session when its blob is committed; None when nobody may."""


class Ingest:
    """Writes the bodies of one process's requests. Each method opens short writing transactions of its own."""

    def __init__(self, db: Database, store: BlobStore, clock: Clock) -> None:
        """Work on the sessions in ``db`` and the objects in ``store``."""
        self.db = db
        self.store = store
        self.clock = clock

    def append(self, upload: UploadSession, body: Body, length: int | None = None) -> int:
        """Go on at the session's offset and return the new one; what arrived is kept, whatever ends the body.

        RangeInvalid when another request owns the session or moved it, SizeInvalid when the body is not ``length``
        bytes long, UploadUnknown when the session's bytes are gone, StorageFull when there is no room for more.
        """
        running = hash_state.resume(upload.algorithm, upload.hash_state, upload.offset)
        transfer = self._own(upload, running, resumable=True)
        try:
            transfer.run(body if length is None else _of_length(body, length))
        finally:
            transfer.end()
        return transfer.offset

    @contextmanager
    def closing(
        self, upload: UploadSession, body: Body | None, digest: Digest, length: int | None = None
    ) -> Iterator[Content]:
        """Add the last part, if there is one, and yield the content, durable and checked, for the caller to commit.

        All or nothing: unless the caller commits, the session is left as it was, so that the same request can be sent
        again. DigestInvalid when the content has another digest; else as ``append``.
        """
        if body is None:
            yield self._checked(upload, digest, self._running(upload, digest), None, upload.offset)
            return
        transfer = self._own(upload, self._running(upload, digest), resumable=False)
        try:
            transfer.run(body if length is None else _of_length(body, length))
            yield self._checked(upload, digest, transfer.running, transfer.holder, transfer.offset)
        except BaseException:
            with suppress(DomainError):
                transfer.end()
            raise

    def digest_of(self, key: str, algorithm: str, size: int) -> Digest:
        """Read ``size`` bytes of an object and return their digest."""
        return self._reread(key, algorithm, size).digest()

    def _own(self, upload: UploadSession, running: RunningHash | None, *, resumable: bool) -> "_Transfer":
        self._require_bytes(upload)
        transfer = _Transfer(self, upload, running, resumable=resumable)
        transfer.begin()
        return transfer

    def _require_bytes(self, upload: UploadSession) -> None:
        """A power cut can take bytes that the session counts; then only beginning again helps the client."""
        if not upload.offset:
            return
        try:
            present = self.store.size(upload.key)
        except NotFoundError:
            present = 0
        if present < upload.offset:
            raise UploadUnknown(f"the storage lost bytes of this upload: {present} of {upload.offset} are left")

    def _running(self, upload: UploadSession, digest: Digest) -> RunningHash:
        """The hash that the digest asks for, at the session's offset; content hashed otherwise is read again, once."""
        state = upload.hash_state if upload.algorithm == digest.algorithm else None
        running = hash_state.resume(digest.algorithm, state, upload.offset)
        if running is None:
            self._require_bytes(upload)
            running = self._reread(upload.key, digest.algorithm, upload.offset)
        return running

    def _reread(self, key: str, algorithm: str, size: int) -> RunningHash:
        running, buffer = hash_state.start(algorithm), bytearray(_REREAD_BYTES)
        view, left = memoryview(buffer), size
        with self.store.open(key) as stream:
            while left and (count := stream.readinto(view[:left])):  # type: ignore[attr-defined]  # every driver's stream has it
                running.update(view[:count])
                left -= count
        return running

    def _checked(
        self, upload: UploadSession, digest: Digest, running: RunningHash | None, holder: str | None, size: int
    ) -> Content:
        actual = running and running.digest()
        if actual != digest:
            raise DigestInvalid(detail={"expected": digest, "actual": actual, "size": size})
        self._require_bytes(upload)
        if not size:
            self.store.append(upload.key, 0).close()
        self.store.finish(upload.key, size)
        return Content(upload=upload, digest=digest, size=size, holder=holder)


class _Transfer:
    """One request's writing to a session that it owns; a resumable one stores how far it is, also on the way."""

    def __init__(self, ingest: Ingest, upload: UploadSession, running: RunningHash | None, *, resumable: bool) -> None:
        self.holder = str(uuid.uuid4())
        self.running = running
        self.offset = upload.offset
        self._ingest = ingest
        self._upload = upload
        self._resumable = resumable
        self._due = 0.0

    def begin(self) -> None:
        self._due = time.monotonic() + _RENEW_SECONDS
        with self._ingest.db.write(durable=False) as session:
            sessions.lease(session, self._upload, self.holder)

    def run(self, body: Body) -> None:
        writer = self._ingest.store.append(self._upload.key, self.offset)
        try:
            for piece in body:
                while time.monotonic() >= self._due:
                    self._renew()
                writer.write(piece)
                if self.running:
                    self.running.update(piece)
                self.offset += len(piece)
        finally:
            writer.close()

    def end(self) -> None:
        with self._ingest.db.write(durable=False) as session:
            sessions.release(session, self._upload, self.holder, self._reached())

    def _renew(self) -> None:
        """Before a write, so that a request that slept past its lease finds out before it touches the object."""
        self._due = time.monotonic() + _RENEW_SECONDS
        reached = self._reached()
        with self._ingest.db.write(durable=False) as session:
            sessions.renew(session, self._upload, self.holder, reached)
        self._upload = replace(self._upload, offset=reached.offset, hash_state=reached.hash_state)

    def _reached(self) -> Reached:
        now = self._ingest.clock.now()
        if not self._resumable:
            return Reached(offset=self._upload.offset, hash_state=self._upload.hash_state, update_time=now)
        state = self.running.state() if self.running else None
        return Reached(offset=self.offset, hash_state=state, update_time=now)


def _of_length(body: Body, length: int) -> Iterator[memoryview]:
    """The body, cut at ``length``; SizeInvalid when it was longer or shorter."""
    left = length
    for piece in body:
        if len(piece) > left:
            yield piece[:left]
            raise SizeInvalid(f"the body is longer than the {length} bytes of its Content-Range")
        left -= len(piece)
        yield piece
    if left:
        raise SizeInvalid(f"the body is {left} bytes shorter than the {length} bytes of its Content-Range")
