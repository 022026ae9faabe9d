"""What a use case is given: the long-lived ports of the installation and the short-lived context of a call."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.principals import ANONYMOUS, Principal
from app.core.blocking import about_to_block
from app.core.budget import ByteBudget
from app.core.cache import Cache, content_cache
from app.core.clock import Clock
from app.core.crypto import Keys, random_key
from app.core.errors import InternalError, Overtaken, StorageFull
from app.core.plugins import AdmissionTable, Bell, EffectTable, IdentitySources, PullSink
from app.db import gate
from app.db.database import Database
from app.db.plans import run
from app.settings import Settings
from app.storage.key_batches import KeyBatches
from app.storage.room import DiskRoom
from app.storage.store import BlobStore

LARGE_AT_ONCE: Final = 4
_COUNTS_BYTES: Final = 256 * 1024
_SMALL_BODIES_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The chosen implementations, built once per process by ``app.wiring``."""

    settings: Settings
    db: Database
    storage: BlobStore
    room: DiskRoom
    keys: Keys
    clock: Clock
    bell: Bell
    pulls: PullSink
    admission: AdmissionTable
    effects: EffectTable
    sources: IdentitySources
    key_batches: KeyBatches
    manifests: Cache[str, bytes] = field(default_factory=content_cache)
    """Bytes of manifests by digest; never who may see them or whether they exist."""
    waiting: Cache[int, tuple[float, int]] = field(default_factory=lambda: Cache(_COUNTS_BYTES, lambda _: 0))
    """Bytes that were deleted from a project and wait for collection, by its id, each with the moment it is too old."""
    session_rows: Cache[str, int] = field(default_factory=lambda: Cache(_COUNTS_BYTES, lambda _: 0))
    """Rows of upload sessions that this process added for each account since it looked at how many have ended."""
    small_bodies: ByteBudget = field(default_factory=lambda: ByteBudget(_SMALL_BODIES_BYTES))
    """Of whole blobs that are held in memory until they are checked."""
    large_answers: "LargeAnswers" = field(default_factory=lambda: LargeAnswers())  # noqa: PLW0108 - made below
    """To be held while an answer is made that may take megabytes, so that all threads together take no more."""
    large_documents: threading.Lock = field(default_factory=threading.Lock)
    """To be held while a large document is parsed, which takes many times its bytes."""
    start_key: bytes = field(default_factory=random_key, repr=False)
    """A key of this start, shared with the processes forked from this one and never stored."""
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When this process, or the one that it was forked from, began."""


class LargeAnswers:
    """Lets few threads at once make an answer that may take megabytes; the others wait for their turn."""

    def __init__(self) -> None:
        self._turns = threading.BoundedSemaphore(LARGE_AT_ONCE)

    def __enter__(self) -> None:
        about_to_block()
        self._turns.acquire()

    def __exit__(self, *_: object) -> None:
        self._turns.release()


class Context:
    """One call: who is calling, the ports, and at most one writing transaction."""

    __slots__ = ("_session", "address", "ports", "principal", "request_id")

    def __init__(
        self,
        ports: Ports,
        principal: Principal = ANONYMOUS,
        *,
        request_id: str = "",
        address: str = "",
    ) -> None:
        """Bind a call of ``principal``; ``address`` is the client's, ``request_id`` the one its answer carries."""
        self.ports = ports
        self.principal = principal
        self.request_id = request_id
        self.address = address
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The open writing transaction's session; InternalError without one."""
        if self._session is None:
            raise InternalError("no writing transaction is open")
        return self._session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A read transaction, or the writing one when it is open, so that a use case re-reads inside what decides."""
        if self._session is not None:
            yield self._session
            return
        with self.ports.db.read() as session:
            yield session

    def rows(self, statement: sa.Executable, parameters: Mapping[str, Any]) -> Sequence[sa.Row[Any]]:
        """All rows of a reading statement made once: in the writing transaction when it is open, else the fast way."""
        if self._session is not None:
            return run(self._session, statement, parameters)
        return self.ports.db.rows(statement, parameters)

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Session]:
        """The writing transaction: commits at the outermost end; a broken constraint becomes Overtaken.

        Bookkeeping that a power cut may undo is not ``durable`` and does not wait for the disk.
        """
        if self._session is not None:
            yield self._session
            return
        self.ports.room.keep()
        try:
            with self.ports.db.write(durable=durable) as session:
                self._session = session
                try:
                    yield session
                    session.flush()
                finally:
                    self._session = None
        except StorageFull:
            self.ports.room.look()
            raise
        except IntegrityError as error:
            raise Overtaken from error

    @contextmanager
    def write_content(self) -> Iterator[Session]:
        """As ``write``, through the write gate: refused while the registry is read-only."""
        with self.write() as session:
            gate.pass_through(session)
            yield session

    def admit(self, verb: str, subject: object) -> None:
        """Run the admission checks of ``verb`` in order; the first that refuses raises."""
        for check in self.ports.admission.get(verb, ()):
            check(self, subject)

    def emit(self, event: object) -> None:
        """Run the effects of ``event`` in order, inside the open writing transaction."""
        if self._session is None:
            raise InternalError(f"{type(event).__name__} emitted outside a writing transaction")
        for handler in self.ports.effects.get(type(event), ()):
            handler(self, event)

    def emit_always(self, event: object) -> None:
        """Emit a fact that must outlive the refusal of its request, in a short transaction of its own."""
        if self._session is not None:
            raise InternalError(f"{type(event).__name__} would be lost with the open transaction")
        with self.write():
            self.emit(event)

    def acting_as(self, principal: Principal) -> "Context":
        """The same call in the name of another principal, without the open transaction."""
        return Context(self.ports, principal, request_id=self.request_id, address=self.address)
