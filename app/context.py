"""The two arguments of every use case: the ports of the process, and the context of one call."""

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
from app.oci.charts import ChartFiles
from app.settings import Settings
from app.storage.key_batches import KeyBatches
from app.storage.room import DiskRoom
from app.storage.store import BlobStore

LARGE_AT_ONCE: Final = 4
_COUNTS_BYTES: Final = 256 * 1024
_CHART_FILES_BYTES: Final = 24 * 1024 * 1024
"""Enough for the files of the largest chart, as a cache keeps what takes an eighth of it at most."""
_SMALL_BODIES_BYTES: Final = 16 * 1024 * 1024
_DENIALS: Final = frozenset({Kind.DENIED, Kind.PRECONDITION})
_log = structlog.get_logger()
_CONFIGURATION_SECONDS: Final = 3
_WAITING_SECONDS: Final = 5.0


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
    """Features that allow or refuse pulls (``app.artifacts.contributors.PullVerdict``), within the pull's one query."""
    slots: Contributors[Any] = field(default_factory=Contributors)
    """Features that add members to listed artifacts (``app.artifacts.contributors.RowSlot``)."""
    key_batches: KeyBatches
    manifests: Cache[str, bytes] = field(default_factory=content_cache)
    """Bytes of manifests by digest; whether one exists, and for whom, is always read from the database."""
    waiting: Cache[int, int] = field(
        default_factory=lambda: Cache(_COUNTS_BYTES, lambda _: 0, seconds=_WAITING_SECONDS)
    )
    """By project id: the bytes that were deleted and wait for garbage collection, a few seconds old at most."""
    chart_files: Cache[str, ChartFiles] = field(
        default_factory=lambda: Cache(_CHART_FILES_BYTES, lambda files: files.cost)
    )
    """Files of charts by the digest of their archive; who may see which is always read from the database."""
    session_rows: Cache[str, int] = field(default_factory=lambda: Cache(_COUNTS_BYTES, lambda _: 0))
    """By account: upload session rows that this process added since it last counted the ended ones."""
    recent_configuration: Recent[Mapping[str, str]] = field(default_factory=lambda: Recent(_CONFIGURATION_SECONDS))
    """The stored configuration, a few seconds old at most, for keys that almost every request needs."""
    small_bodies: ByteBudget = field(default_factory=lambda: ByteBudget(_SMALL_BODIES_BYTES))
    """Bytes of small blobs that are held in memory until their digest is verified."""
    large_answers: "LargeAnswers" = field(default_factory=lambda: LargeAnswers())  # noqa: PLW0108 - made below
    """Held while a thread makes an answer of megabytes, which bounds the memory of all threads together."""
    large_documents: threading.Lock = field(default_factory=threading.Lock)
    """Held while a thread parses a large document, which takes many times its size in memory."""
    start_key: bytes = field(default_factory=random_key, repr=False)
    """A random key made at the start, shared with forked processes and never stored."""
    refusals: RefusalBounds = field(default_factory=RefusalBounds)
    """Counts the refusals that were recorded in the current minute."""
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When this process, or the one that it was forked from, started."""


class LargeAnswers:
    """Lets at most LARGE_AT_ONCE threads make answers of megabytes at once; others wait."""

    def __init__(self) -> None:
        self._turns = threading.BoundedSemaphore(LARGE_AT_ONCE)

    def __enter__(self) -> None:
        about_to_block()
        self._turns.acquire()

    def __exit__(self, *_: object) -> None:
        self._turns.release()


class Context:
    """One call of a use case: the caller, the ports, and at most one writing transaction."""

    __slots__ = ("_session", "address", "ports", "principal", "request_id")

    def __init__(
        self,
        ports: Ports,
        principal: Principal = ANONYMOUS,
        *,
        request_id: str = "",
        address: str = "",
    ) -> None:
        """Make the context of a call by ``principal`` from the client's ``address``; the answer has ``request_id``."""
        self.ports = ports
        self.principal = principal
        self.request_id = request_id
        self.address = address
        self._session: Session | None = None

    @property
    def operator(self) -> str:
        """The caller's name, under which changes are recorded."""
        return self.principal.name or ANONYMOUS.kind

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a read transaction, or join the open writing one, so that checks inside it see its own changes."""
        if self._session is not None:
            yield self._session
            return
        with self.ports.db.read() as session:
            yield session

    def rows(self, statement: sa.Executable, parameters: Mapping[str, Any]) -> Sequence[sa.Row[Any]]:
        """Run one reading statement and return all rows: in the open writing transaction, else without one."""
        if self._session is not None:
            return self._session.connection().execute(statement, parameters).all()
        return self.ports.db.rows(statement, parameters)

    def prepared_rows(self, statement: sa.Executable, parameters: Mapping[str, Any]) -> Sequence[sa.Row[Any]]:
        """Run a module's reading statement as ``rows`` does, by its plan (the hot path)."""
        if self._session is not None:
            return run(self._session, statement, parameters)
        return self.ports.db.prepared_rows(statement, parameters)

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Session]:
        """Open the writing transaction or join the open one; commits at the end of the outermost ``with``.

        A violated constraint becomes Overtaken. Without ``durable`` the commit does not wait for the disk, and a power
        cut may undo it: for bookkeeping.
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
        """Open a writing transaction that changes content; ReadOnly or UnavailableError while the gate is closed."""
        with self.write() as session:
            gate.pass_through(session)
            yield session

    def admit(self, subject: Subject, *, recorded: bool = True) -> None:
        """Run the admission checks of the subject's verb in order; the first that refuses raises its error.

        The refusal is recorded as the subject's ``denial`` unless ``recorded`` is false, as for a dry run.
        InternalError for a verb without a row in ``app/admission.py``.
        """
        checks = self.ports.admission.get(subject.verb)
        if checks is None:
            raise InternalError(f"the verb {subject.verb} has no row in app/admission.py")
        try:
            for check in checks:
                check(self, subject)
        except DomainError as refusal:
            self._record_denial(refusal, subject.denial if recorded else None)
            raise

    def emit(self, event: Event) -> None:
        """Run the handlers of ``event`` from ``app/effects.py`` in order, inside the open writing transaction.

        An event without an operator gets the caller as its operator. InternalError for a class without a row.
        """
        if self._session is None:
            raise InternalError(f"{type(event).__name__} emitted outside a writing transaction")
        handlers = self.ports.effects.get(type(event))
        if handlers is None:
            raise InternalError(f"{type(event).__name__} has no row in app/effects.py")
        named = event if event.operator else replace(event, operator=self.operator)
        for handler in handlers:
            handler(self, named)

    def record(self, *facts: Event) -> None:
        """Emit the events of refused requests, except those beyond the caller's bound for the current minute.

        Uses the open writing transaction, else a short one of its own.
        """
        about_to_block()
        if recorded := [fact for fact in facts if self._within_bounds(fact)]:
            with self.write():
                for fact in recorded:
                    self.emit(fact)

    def record_refusal(self, refusal: DomainError) -> None:
        """Record the events that an error carries, once; inside a transaction they wait for its rollback.

        When they cannot be written, that is logged and not raised: the caller gets the refusal.
        """
        if not refusal.facts or writing():
            return
        try:
            self.record(*refusal.facts)
        except UnavailableError as problem:
            _log.warning("refusal_not_recorded", facts=[repr(fact) for fact in refusal.facts], reason=problem.message)
        refusal.facts, refusal.recorded = (), True

    @contextmanager
    def refusing(self, fact: Event | None) -> Iterator[None]:
        """Record ``fact``, unless it is None, when the body raises a denial to an authenticated caller.

        Denials to anonymous callers are in the access log only.
        """
        try:
            yield
        except DomainError as refusal:
            self._record_denial(refusal, fact)
            raise

    def _record_denial(self, refusal: DomainError, fact: Event | None) -> None:
        if fact is not None and refusal.kind in _DENIALS and self.principal.authenticated:
            self.record_refusal(refusal.carrying(fact))

    def _within_bounds(self, fact: Event) -> bool:
        if not fact.most_a_minute:
            return True
        fact_key = (type(fact).__name__, fact.resource)
        return self.ports.refusals.take(self.principal.name, fact_key, fact.most_a_minute, self.ports.clock.now())
