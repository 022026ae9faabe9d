"""Writing of request bodies into objects: under a lease, hashed on the way, without an open transaction meanwhile.

Only the owner of the upload session's lease changes its object (create, append, cut, sync, delete). The request takes
the lease, opens the object's exclusive writer, and verifies the lease again; it keeps the writer until the content is
committed. So a request that was suspended past its lease can neither cut nor write. A session that has ended belongs
to the request that ended it. Where the driver knows dead writers, the request that gets the exclusive writer may take
over a lease that another request still holds.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from app.core.clock import Clock
from app.core.digest import Digest
from app.core.errors import (
    DigestInvalid,
    DomainError,
    NotFoundError,
    ObjectBusy,
    RangeInvalid,
    SizeInvalid,
    StorageFull,
    UploadUnknown,
)
from app.core.pausing import Pausing
from app.db.database import Database
from app.storage import hash_state, sessions
from app.storage.driver import ObjectWriter
from app.storage.hash_state import RunningHash
from app.storage.sessions import LEASE_MS, Reached, UploadSession
from app.storage.store import BlobStore

_RENEW_SECONDS = LEASE_MS / 1000 / 3
_REREAD_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A request body that is being received, as pieces; a piece is valid until the next one is asked for.

    An empty piece means that the client sends nothing at the moment: the transfer pauses.
    """

    pieces: Iterable[memoryview]
    length: int | None = None
    """The length in bytes that the body must have; None when it is not known before."""
    admit: Callable[[int], None] = lambda _: None
    """Called before a piece is written with the offset that it reaches; raises when the upload may not be that long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The durable content of an upload session, whose digest is verified; no other request can finish the session."""

    upload: UploadSession
    digest: Digest
    size: int
    holder: str
    """The holder of the session's lease; the commit of the blob verifies it."""
    keep: Callable[[], None]
    """Renews the lease; to be called every few seconds until the commit. Raises what ``Ingest.append`` raises."""


class Ingest:
    """Writes request bodies into the objects of upload sessions. Each method opens short writing transactions."""

    def __init__(self, db: Database, store: BlobStore, clock: Clock) -> None:
        """Use the sessions in ``db`` and the objects in ``store``."""
        self.db = db
        self.store = store
        self.clock = clock

    def append(self, upload: UploadSession, body: Body) -> Pausing[int]:
        """Append the body at the session's offset and return the new offset; keep what arrived before an error.

        Raises: RangeInvalid when another request owns the session or has changed its offset; SizeInvalid when the body
        does not have its declared length; UploadUnknown when the session's bytes are gone; StorageFull when the storage
        is full; what ``body.admit`` raises.
        """
        transfer = _Transfer(self, upload, resumable=True)
        transfer.running = hash_state.resume_or_none(upload.algorithm, upload.hash_state, upload.offset)
        transfer.begin()
        try:
            with transfer.writing() as writer:
                yield from transfer.run(writer, body)
        except GeneratorExit:
            with suppress(DomainError):
                transfer.end()
            raise
        except BaseException:
            transfer.end()
            raise
        transfer.end()
        return transfer.offset

    @contextmanager
    def closing(self, upload: UploadSession, body: Body | None, digest: Digest) -> Iterator[Pausing[Content]]:
        """Yield the work that adds the last part, if there is one, and returns the content for the caller to commit.

        The content is durable and its digest is verified. Unless the caller commits it inside the block, the session
        stays as it was, so that the client can repeat the request; but an object that could not be made durable is
        deleted.

        Raises: DigestInvalid when the content has another digest; what ``append`` raises.
        """
        transfer = _Transfer(self, upload, resumable=False)
        transfer.begin()
        try:
            with transfer.writing() as writer:
                transfer.running = self._running(upload, digest, transfer.keep)
                yield transfer.completed(writer, body, digest)
        except BaseException:
            with suppress(DomainError):
                transfer.end()
            raise

    def digest_of(self, key: str, algorithm: str, size: int, keep: Callable[[], None] = lambda: None) -> Digest:
        """Read ``size`` bytes of an object and return their digest; call ``keep`` after each block."""
        return self._reread(key, algorithm, size, keep).digest()

    def _running(self, upload: UploadSession, digest: Digest, keep: Callable[[], None]) -> RunningHash:
        """Return the hash with the digest's algorithm at the session's offset; read the content if it has no state."""
        state = upload.hash_state if upload.algorithm == digest.algorithm else None
        running = hash_state.resume_or_none(digest.algorithm, state, upload.offset)
        return running or self._reread(upload.key, digest.algorithm, upload.offset, keep)

    def _reread(self, key: str, algorithm: str, size: int, keep: Callable[[], None] = lambda: None) -> RunningHash:
        running, buffer = hash_state.start(algorithm), bytearray(_REREAD_BYTES)
        view, left = memoryview(buffer), size
        with self.store.open(key) as stream:
            while left and (count := stream.readinto(view[:left])):  # type: ignore[attr-defined]  # every driver's stream has it
                running.update(view[:count])
                left -= count
                keep()
        return running


class _Transfer:
    """The writing of one request to a session that it owns; a resumable transfer stores its progress in the session."""

    def __init__(self, ingest: Ingest, upload: UploadSession, *, resumable: bool) -> None:
        self.holder = str(uuid.uuid4())
        self.running: RunningHash | None = None
        self.offset = upload.offset
        self._ingest = ingest
        self._upload = upload
        self._resumable = resumable
        self._leased = False
        self._due = 0.0

    def begin(self) -> None:
        """Take the session's lease; raise RangeInvalid when its offset changed or another request owns it.

        Where the driver knows dead writers, a lease of another request is no error yet: ``writing`` decides.
        """
        self._due = time.monotonic() + _RENEW_SECONDS
        self._leased = sessions.lease(self._ingest.db, self._upload, self.holder)
        if not self._leased and not self._ingest.store.tells_dead_writers:
            raise self._busy()

    @contextmanager
    def writing(self) -> Iterator[ObjectWriter]:
        """Yield the exclusive writer of the object, truncated to the session's offset.

        Raise UploadUnknown when a power cut took bytes that the session counts: the client must start a new upload.
        """
        key, store = self._upload.key, self._ingest.store
        try:
            if self.offset and (present := store.size(key)) < self.offset:
                raise UploadUnknown(f"the storage lost bytes of this upload: {present} of {self.offset} are left")
            writer = store.append(key, self.offset)
        except ObjectBusy:
            raise self._busy() from None
        except NotFoundError as error:
            raise UploadUnknown("the storage lost the bytes of this upload") from error
        with closing(writer):
            self._own()
            writer.cut()
            yield writer

    def run(self, writer: ObjectWriter, body: Body) -> Pausing[None]:
        """Write the body at the transfer's offset."""
        for piece in body.pieces if body.length is None else _of_length(body.pieces, body.length):
            body.admit(self.offset + len(piece))
            self.keep()
            writer.write(piece)
            if self.running:
                self.running.update(piece)
            self.offset += len(piece)
            if not piece:
                yield

    def completed(self, writer: ObjectWriter, last: Body | None, digest: Digest) -> Pausing[Content]:
        """Write the last part, if there is one, and return the whole content; raise what ``finished`` raises."""
        if last is not None:
            yield from self.run(writer, last)
        return self.finished(digest)

    def finished(self, digest: Digest) -> Content:
        """Make the content durable and return it; raise DigestInvalid when it has another digest."""
        actual = self.running and self.running.digest()
        if actual != digest:
            raise DigestInvalid(detail={"expected": digest, "actual": actual, "size": self.offset})
        try:
            self._ingest.store.finish(self._upload.key, self.offset)
        except NotFoundError as error:
            raise UploadUnknown("the upload was cancelled meanwhile") from error
        except StorageFull:
            self._delete_object()
            raise
        return Content(upload=self._upload, digest=digest, size=self.offset, holder=self.holder, keep=self.keep)

    def keep(self) -> None:
        """Renew the lease when a third of its time is over; raise RangeInvalid or UploadUnknown when it is lost."""
        while time.monotonic() >= self._due:
            self._due = time.monotonic() + _RENEW_SECONDS
            reached = self._reached()
            sessions.renew(self._ingest.db, self._upload, self.holder, reached)
            self._upload = replace(self._upload, offset=reached.offset, hash_state=reached.hash_state)

    def end(self) -> None:
        """Release the lease, if it was taken; a resumable transfer stores its progress."""
        if self._leased:
            sessions.release(self._ingest.db, self._upload, self.holder, self._reached())

    def _own(self) -> None:
        """Verify the lease, or take it over: an owner without the exclusive writer is dead or too late."""
        if self._leased:
            sessions.require_lease(self._ingest.db, self._upload, self.holder)
        else:
            sessions.take_over(self._ingest.db, self._upload, self.holder)
            self._leased = True

    def _delete_object(self) -> None:
        """Delete an object that could not be made durable: the system reports a failed write only once."""
        with suppress(DomainError):
            self._ingest.store.delete(self._upload.key)

    def _busy(self) -> RangeInvalid:
        return RangeInvalid("another request is writing to this upload", detail={"offset": self.offset})

    def _reached(self) -> Reached:
        now = self._ingest.clock.now()
        if not self._resumable:
            return Reached(offset=self._upload.offset, hash_state=self._upload.hash_state, update_time=now)
        state = self.running.state() if self.running else None
        return Reached(offset=self.offset, hash_state=state, update_time=now)


def _of_length(body: Iterable[memoryview], length: int) -> Iterator[memoryview]:
    """Yield the pieces of the body up to ``length`` bytes; raise SizeInvalid when it is longer or shorter."""
    left = length
    for piece in body:
        if len(piece) > left:
            yield piece[:left]
            raise SizeInvalid(f"the body is longer than the {length} bytes of its Content-Range")
        left -= len(piece)
        yield piece
    if left:
        raise SizeInvalid(f"the body is {left} bytes shorter than the {length} bytes of its Content-Range")
