"""What a use case is given: the long-lived ports of the installation and the short-lived context of a call."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.principals import ANONYMOUS, Principal
from app.core.blocking import about_to_block
from app.core.budget import ByteBudget
from app.core.cache import Cache, content_cache
from app.core.clock import Clock
from app.core.crypto import Keys, random_key
from app.core.errors import DomainError, InternalError, Kind, Overtaken, StorageFull, UnavailableError
from app.core.plugins import AdmissionTable, Bell, IdentitySources, PullSink, Subject
from app.core.recent import Recent
from app.core.refusal_bounds import RefusalBounds
from app.db import gate
from app.db.contributions import Contributors
from app.db.database import Database, writing
from app.db.plans import run
from app.events.base import EffectTable, Event
from app.settings import Settings
from app.storage.key_batches import KeyBatches
from app.storage.room import DiskRoom
from app.storage.store import BlobStore

LARGE_AT_ONCE: Final = 4
_COUNTS_BYTES: Final = 256 * 1024
_SMALL_BODIES_BYTES: Final = 16 * 1024 * 1024
_DENIALS: Final = frozenset({Kind.DENIED, Kind.PRECONDITION})
_log = structlog.get_logger()
_CONFIGURATION_SECONDS: Final = 3


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
    verdicts: Contributors[Any] = field(default_factory=Contributors)
    """Of ``app.artifacts.contributors.PullVerdict``: who judges pulls by the one query of each."""
    slots: Contributors[Any] = field(default_factory=Contributors)
    """Of ``app.artifacts.contributors.RowSlot``: who adds to the rows of artifacts."""
    key_batches: KeyBatches
    manifests: Cache[str, bytes] = field(default_factory=content_cache)
    """Bytes of manifests by digest; never who may see them or whether they exist."""
    waiting: Cache[int, tuple[float, int]] = field(default_factory=lambda: Cache(_COUNTS_BYTES, lambda _: 0))
    """Bytes that were deleted from a project and wait for collection, by its id, each with the moment it is too old."""
    session_rows: Cache[str, int] = field(default_factory=lambda: Cache(_COUNTS_BYTES, lambda _: 0))
    """Rows of upload sessions that this process added for each account since it looked at how many have ended."""
    recent_configuration: Recent[Mapping[str, str]] = field(default_factory=lambda: Recent(_CONFIGURATION_SECONDS))
    """What is stored of the configuration, for keys that almost every request needs."""
    small_bodies: ByteBudget = field(default_factory=lambda: ByteBudget(_SMALL_BODIES_BYTES))
    """Of whole blobs that are held in memory until they are checked."""
    large_answers: "LargeAnswers" = field(default_factory=lambda: LargeAnswers())  # noqa: PLW0108 - made below
    """To be held while an answer is made that may take megabytes, so that all threads together take no more."""
    large_documents: threading.Lock = field(default_factory=threading.Lock)
    """To be held while a large document is parsed, which takes many times its bytes."""
    start_key: bytes = field(default_factory=random_key, repr=False)
    """A key of this start, shared with the processes forked from this one and never stored."""
    refusals: RefusalBounds = field(default_factory=RefusalBounds)
    """What callers have put on record in this minute by being refused."""
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
        except DomainError as refusal:
            self.record_refusal(refusal)
            raise

    @contextmanager
    def write_content(self) -> Iterator[Session]:
        """As ``write``, through the write gate: refused while the registry is read-only."""
        with self.write() as session:
            gate.pass_through(session)
            yield session

    def admit(self, subject: Subject, *, recorded: bool = True) -> None:
        """Run the checks of the subject's verb in order; the first that refuses raises.

        That is on record unless the caller only asks, as a dry run does. InternalError for a verb without a row in
        ``app/admission.py``.
        """
        checks = self.ports.admission.get(subject.verb)
        if checks is None:
            raise InternalError(f"the verb {subject.verb} has no row in app/admission.py")
        if checks:
            with self.refusing(subject.denial if recorded else None):
                for check in checks:
                    check(self, subject)

    def emit(self, event: Event) -> None:
        """Run the effects of ``event`` in order, inside the open writing transaction.

        The caller is its operator when it names none. InternalError for a class without a row in ``app/effects.py``.
        """
        if self._session is None:
            raise InternalError(f"{type(event).__name__} emitted outside a writing transaction")
        handlers = self.ports.effects.get(type(event))
        if handlers is None:
            raise InternalError(f"{type(event).__name__} has no row in app/effects.py")
        named = event if event.operator else replace(event, operator=self.principal.name or ANONYMOUS.kind)
        for handler in handlers:
            handler(self, named)

    def record(self, *facts: Event) -> None:
        """Emit facts that callers cause by being refused, unless they have caused too many of them in this minute.

        In the open writing transaction, else in a short one of its own.
        """
        about_to_block()
        if recorded := [fact for fact in facts if self._within_bounds(fact)]:
            with self.write():
                for fact in recorded:
                    self.emit(fact)

    def record_refusal(self, refusal: DomainError) -> None:
        """Record the facts that ride on an error, once; inside a transaction they wait for its rollback.

        The caller is told of the refusal, not that the facts could not be written, which is logged.
        """
        if not refusal.facts or writing():
            return
        try:
            self.record(*refusal.facts)
        except UnavailableError as problem:
            _log.warning("refusal_not_recorded", facts=[repr(fact) for fact in refusal.facts], reason=problem.message)
        refusal.facts = ()

    @contextmanager
    def refusing(self, fact: Event | None) -> Iterator[None]:
        """Record ``fact``, if there is one, when what is done within is denied to a caller who is logged in.

        Anonymous callers put nothing on record: the access log has them.
        """
        try:
            yield
        except DomainError as refusal:
            if fact is not None and refusal.kind in _DENIALS and self.principal.authenticated:
                self.record_refusal(refusal.carrying(fact))
            raise

    def _within_bounds(self, fact: Event) -> bool:
        if not fact.most_a_minute:
            return True
        fact_key = (type(fact).__name__, fact.resource)
        return self.ports.refusals.take(self.principal.name, fact_key, fact.most_a_minute, self.ports.clock.now())
