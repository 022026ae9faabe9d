"""Connections and transactions: one writing transaction per thread, and read-only ones."""

import functools
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, Row, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from app.core.blocking import about_to_block
from app.core.errors import Contended, InternalError, Overtaken
from app.db.group_commit import GroupCommit
from app.db.outages import translated
from app.db.plans import Plans
from app.db.write_turn import WriteTurn

P = ParamSpec("P")
R = TypeVar("R")

_MEMORY: Final = ":memory:"
_BUSY_MS: Final = 60_000
_WRITE_BACK_MS: Final = 2_000
_STATEMENTS_KEPT: Final = 200
"""The compiled statements that each engine caches; list queries take many forms."""
_NOT_DURABLE: Final = sa.text("SET LOCAL synchronous_commit = off")
_here = threading.local()


class Database:
    """The SQLite (WAL) or PostgreSQL database; connects on first use, and may be forked until then."""

    def __init__(self, url: str, *, pool_size: int = 16, application: str = "pyharbor") -> None:
        """Prepare engines for ``url`` (``sqlite:///path`` or ``postgresql+psycopg://…``); nothing is opened yet."""
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._local = threading.local()
        self._all_kept: weakref.WeakSet[Connection] = weakref.WeakSet()
        if self.sqlite:
            path = Path(self.url.database or "")
            self._writer, self._reader = _sqlite_engines(self.url, pool_size)
            self._turn: WriteTurn | None = WriteTurn(path.with_name(path.name + ".write-lock"))
            self._commits: GroupCommit | None = GroupCommit(path, self._write_back)
        else:
            self._writer, self._reader = _postgresql_engines(self.url, pool_size, application)
            self._turn = self._commits = None
        self._plans = Plans(self._reader.dialect)
        self._driver_error = self._reader.dialect.loaded_dbapi.Error
        known = self._plans.for_sessions
        self._write_sessions = sessionmaker(self._writer, expire_on_commit=False, info=known)
        self._read_sessions = sessionmaker(self._reader, expire_on_commit=False, info=known)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``, the keys of statements that are built for each database."""
        return self.url.get_backend_name()

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations."""
        return self._writer

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a read-only transaction: a snapshot on SQLite, READ COMMITTED on PostgreSQL."""
        self._about_to_read()
        with translated(), self._read_sessions() as session:
            yield session

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Session]:
        """Open this thread's writing transaction; commits at the end, rolls back on any exception.

        On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that no later statement fails for lack of it,
        and waits for the disk after it has released the lock: other transactions may see its changes before they are
        durable, but become durable after it. Without ``durable`` it does not wait for the disk: a power cut may undo
        it, a crash of a process does not. StorageFull at the end of a durable one leaves open whether it is kept.
        """
        about_to_block()
        if writing():
            raise InternalError("this thread has a writing transaction open already")
        with translated(), self._write_sessions() as session:
            with self._turn or _nothing(), session.begin():
                if not durable and not self.sqlite:
                    session.execute(_NOT_DURABLE)
                _here.writing = True
                try:
                    yield session
                finally:
                    _here.writing = False
            session.close()
            if durable and self._commits is not None:
                self._commits.wait()

    def await_durable(self) -> None:
        """Wait until all changes that are visible now are durable; raises what ``write`` raises.

        For a request that changes nothing and answers with another transaction's changes, which SQLite shows before
        they are durable.
        """
        if self._commits is not None:
            about_to_block()
            with translated():
                self._commits.wait()

    def note(self, statement: sa.Executable, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """Run one writing statement in its own transaction, which is not durable, and return its rows."""
        about_to_block()
        plan = self._plans.find(statement) if self.sqlite and not writing() else None
        if plan is not None and plan.takes(parameters):
            with suppress(self._driver_error), self._turn or _nothing(), closing(self._writer.raw_connection()) as raw:
                return plan.rows(raw, parameters)
        with self.write(durable=False) as session:
            return session.connection().execute(statement, parameters).all()

    def rows(self, statement: sa.Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Run one reading statement on this thread's own autocommit connection and return all rows."""
        self._about_to_read()
        values = parameters or {}
        with translated():
            try:
                return self._kept().execute(statement, values).all()
            except DBAPIError as error:
                self._drop_kept()
                if not error.connection_invalidated:
                    raise
                return self._kept().execute(statement, values).all()

    def prepared_rows(
        self, statement: sa.Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        """Run a module's reading statement as ``rows`` does, from the second run on by its plan (the hot path)."""
        self._about_to_read()
        values = parameters or {}
        plan = self._plans.find(statement)
        if plan is not None and plan.takes(values):
            with translated():
                try:
                    return plan.rows(self._kept().connection, values)
                except self._driver_error:
                    self._kept().invalidate()
                    self._drop_kept()
        return self.rows(statement, values)

    def dispose(self) -> None:
        """Close all connections, before a fork and at the end of a process."""
        for connection in list(self._all_kept):
            connection.close()
        self._local = threading.local()
        for engine in (self._reader, self._writer):
            engine.dispose()
        if self._commits is not None:
            self._commits.close()

    def _write_back(self) -> bool:
        """Checkpoint SQLite's whole write-ahead log into the database file and truncate it; False while it is read.

        Holds the write turn until the log is trusted again.
        """
        with self._turn or _nothing(), suppress(DBAPIError), self._writer.connect() as opened:
            connection = opened.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(f"PRAGMA busy_timeout={_WRITE_BACK_MS}")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
            connection.invalidate()
            if not busy and self._commits is not None:
                self._commits.trust()
            return not busy
        return False

    def _about_to_read(self) -> None:
        """Raise WouldBlock where reading would wait for a database server; a SQLite file is read at once."""
        if not self.sqlite:
            about_to_block()

    def _kept(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._reader.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._local.connection = connection
            self._all_kept.add(connection)
        return connection

    def _drop_kept(self) -> None:
        connection: Connection | None = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()


def writing() -> bool:
    """Tell whether this thread has a writing transaction open."""
    return bool(getattr(_here, "writing", False))


def require_no_transaction(action: str) -> None:
    """Raise InternalError inside a writing transaction; the message names the ``action``, which may block."""
    if writing():
        raise InternalError(f"{action} inside a writing transaction")


def retried(attempts: int = 5) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a use case that is run again, ``attempts`` times in all, when another transaction got in its way.

    Retried are Contended (the database ended this transaction because of a deadlock or conflict) and Overtaken (a
    constraint failed, as another transaction added or deleted a row meanwhile). The last attempt's error is raised.
    """

    def decorate(use_case: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(use_case)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            for attempt in range(1, attempts):
                try:
                    return use_case(*args, **kwargs)
                except (Contended, Overtaken):
                    if writing():
                        raise
                    time.sleep(random.uniform(0, 0.02 * attempt))  # noqa: S311 - jitter, not a secret
            return use_case(*args, **kwargs)

        return run

    return decorate


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _sqlite_engines(url: sa.URL, pool_size: int) -> tuple[Engine, Engine]:
    options: dict[str, Any] = {
        "connect_args": {
            "timeout": _BUSY_MS / 1000,
            "check_same_thread": False,
            "isolation_level": None,
        },
        "poolclass": sa.QueuePool,
        "pool_size": pool_size,
        "max_overflow": 64,
        "hide_parameters": True,
        "query_cache_size": _STATEMENTS_KEPT,
    }
    writer, reader = (sa.create_engine(url, **options) for _ in range(2))
    for engine, begin, pragmas in (
        (writer, "BEGIN IMMEDIATE", ("cache_size=-4096", "synchronous=NORMAL")),
        (reader, "BEGIN", ("cache_size=-512", "query_only=ON")),
    ):
        event.listen(engine, "do_connect", functools.partial(_make_private, Path(url.database or _MEMORY)))
        event.listen(engine, "connect", functools.partial(_prepare_sqlite, pragmas=pragmas))
        event.listen(engine, "begin", functools.partial(_begin_sqlite, statement=begin))
    return writer, reader


def _make_private(path: Path, *_: object) -> None:
    """Create a missing database file with mode 0600, which SQLite gives its own files beside it too."""
    if path.name != _MEMORY:
        with suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _prepare_sqlite(connection: Any, _record: object, *, pragmas: tuple[str, ...]) -> None:  # noqa: ANN401 - DBAPI
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "temp_store=MEMORY", *pragmas):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection, *, statement: str) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql(statement)


_LIVELINESS: Final = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "tcp_user_timeout": 30_000}
"""Connections to an unreachable server fail within a minute, not after TCP's default of a quarter of an hour."""


def _postgresql_engines(url: sa.URL, pool_size: int, application: str) -> tuple[Engine, Engine]:
    options: dict[str, Any] = {
        "connect_args": {"application_name": application, **_LIVELINESS, **url.query},
        "pool_size": pool_size,
        "max_overflow": 16,
        "pool_pre_ping": True,
        "isolation_level": "READ COMMITTED",
        "hide_parameters": True,
        "query_cache_size": _STATEMENTS_KEPT,
    }
    writer = sa.create_engine(url, **options)
    reader = sa.create_engine(url, **options).execution_options(postgresql_readonly=True)
    return writer, reader
