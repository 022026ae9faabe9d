"""A lock that one process holds at a time: an advisory lock on PostgreSQL, flock on a file beside SQLite's."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.db.database import Database


@contextmanager
def turn(database: Database, name: str, number: int) -> Iterator[bool]:
    """Try to take the lock; yield True and hold it until the end, or yield False when another process holds it."""
    with _file_turn(database, name) if database.sqlite else _advisory_turn(database, number) as acquired:
        yield acquired


@contextmanager
def _file_turn(database: Database, name: str) -> Iterator[bool]:
    path = Path(database.url.database or "")
    descriptor = os.open(path.with_name(f"{path.name}.{name}-lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


@contextmanager
def _advisory_turn(database: Database, number: int) -> Iterator[bool]:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        acquired = bool(connection.execute(sa.select(sa.func.pg_try_advisory_lock(number))).scalar_one())
        try:
            yield acquired
        finally:
            if acquired:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(number)))
