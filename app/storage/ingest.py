"""The transfer engine: bodies into objects under a lease, hashed on the way, no transaction open while they stream.

Nothing of an object changes (create, append, cut, sync, delete) but by the owner of its session's lease, taken before.
The lease is looked at again while the driver keeps every other writer out, and the driver does so until the content is
committed: whoever slept past its lease can neither cut nor write. A session that has ended belongs to whoever ended it.
Where the driver tells dead writers, a lease whose owner keeps nobody out may be taken over, under the same exclusion.
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
    """A body on its way: its pieces, each valid until the next is asked for, and what they have to pass.

    An empty piece means that nothing comes for a moment: the transfer pauses.
    """

    pieces: Iterable[memoryview]
    length: int | None = None
    """The bytes that it must turn out to have; None when nothing declares them."""
    admit: Callable[[int], None] = lambda _: None
    """Asked before a piece is written that would reach this offset; raises when it may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes that are durable and have the digest they were sent for, of a session that nobody else can finish."""

    upload: UploadSession
    digest: Digest
    size: int
    holder: str
    """Who must still own the session when its blob is committed."""
    keep: Callable[[], None]
    """To be called at least every few seconds by whoever does more with it before that; errors as ``append``."""


class Ingest:
    """Writes the bodies of one process's requests. Each method opens short writing transactions of its own."""

    def __init__(self, db: Database, store: BlobStore, clock: Clock) -> None:
        """Work on the sessions in ``db`` and the objects in ``store``."""
        self.db = db
        self.store = store
        self.clock = clock

    def append(self, upload: UploadSession, body: Body) -> Pausing[int]:
        """Go on at the session's offset and return the new one; what arrived is kept, whatever ends the body.

        RangeInvalid when another request owns the session or moved it, SizeInvalid when the body has not the length it
        should, UploadUnknown when the session's bytes are gone, StorageFull when there is no room for more, and
        whatever the body's admission refuses with.
        """
        transfer = _Transfer(self, upload, resumable=True)
        transfer.running = hash_state.resume(upload.algorithm, upload.hash_state, upload.offset)
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
        """Yield what adds the last part, if there is one: the content, durable and checked, for the caller to commit.

        All or nothing: unless the caller commits, the session is left as it was, so that the same request can be sent
        again; but what the storage could not make durable is gone. DigestInvalid when the content has another digest;
        else as ``append``.
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
        """Read ``size`` bytes of an object and return their digest; calls ``keep`` all the time."""
        return self._reread(key, algorithm, size, keep).digest()

    def _running(self, upload: UploadSession, digest: Digest, keep: Callable[[], None]) -> RunningHash:
        """The hash that the digest asks for, at the session's offset; content hashed otherwise is read again, once."""
        state = upload.hash_state if upload.algorithm == digest.algorithm else None
        running = hash_state.resume(digest.algorithm, state, upload.offset)
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
    """One request's writing to a session that it owns; a resumable one stores how far it is, also on the way."""

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
        """Take the session's lease; RangeInvalid when it moved or another request owns it.

        Where the storage tells whether that request is alive, ``writing`` will find out and take the lease then.
        """
        self._due = time.monotonic() + _RENEW_SECONDS
        self._leased = sessions.lease(self._ingest.db, self._upload, self.holder)
        if not self._leased and not self._ingest.store.tells_dead_writers:
            raise self._busy()

    @contextmanager
    def writing(self) -> Iterator[ObjectWriter]:
        """Keep every other writer out of the object; what lies behind the session's offset is gone.

        A power cut can take bytes that the session counts: UploadUnknown then, only beginning again helps the client.
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
        """Write the body behind the session's offset."""
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
        """Write the last part, if there is one, and return the whole content; errors as ``finished``."""
        if last is not None:
            yield from self.run(writer, last)
        return self.finished(digest)

    def finished(self, digest: Digest) -> Content:
        """The content, durable, when its digest is the one that was asked for; DigestInvalid else."""
        actual = self.running and self.running.digest()
        if actual != digest:
            raise DigestInvalid(detail={"expected": digest, "actual": actual, "size": self.offset})
        try:
            self._ingest.store.finish(self._upload.key, self.offset)
        except NotFoundError as error:
            raise UploadUnknown("the upload was cancelled meanwhile") from error
        except StorageFull:
            self._distrust()
            raise
        return Content(upload=self._upload, digest=digest, size=self.offset, holder=self.holder, keep=self.keep)

    def keep(self) -> None:
        """Renew the lease when it is time to; RangeInvalid or UploadUnknown when it is lost."""
        while time.monotonic() >= self._due:
            self._due = time.monotonic() + _RENEW_SECONDS
            reached = self._reached()
            sessions.renew(self._ingest.db, self._upload, self.holder, reached)
            self._upload = replace(self._upload, offset=reached.offset, hash_state=reached.hash_state)

    def end(self) -> None:
        """Give the lease back, if it was taken; a resumable transfer stores what it reached."""
        if self._leased:
            sessions.release(self._ingest.db, self._upload, self.holder, self._reached())

    def _own(self) -> None:
        """Make sure of the lease while the driver keeps other writers out; an owner that does not is dead or late."""
        if self._leased:
            sessions.require_lease(self._ingest.db, self._upload, self.holder)
        else:
            sessions.take_over(self._ingest.db, self._upload, self.holder)
            self._leased = True

    def _distrust(self) -> None:
        """Delete what could not be made durable: a system forgets what it failed to write, and says so only once."""
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
