"""Translate database errors into domain errors: an outage that may pass, a full disk, a wrong setup."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, DBAPIError

from app.core.errors import Contended, DomainError, PreconditionError, StorageFull, UnavailableError

_VICTIM_STATES: Final = frozenset({"40001", "40P01"})
_FULL_STATES: Final = frozenset({"53100", "25006"})
_SQLITE_FULL: Final = frozenset({8, 10, 13, 14})
_SQLITE_BUSY: Final = frozenset({5, 6})
_SQLITE_BROKEN: Final = frozenset({11, 26})
_SQLITE_WORDS: Final = {
    5: "is locked by another process",
    6: "is locked by another process",
    8: "cannot be written: give it to this user, or make its disk writable",
    11: "is damaged: restore it from a backup",
    13: "cannot be written: its disk is full",
    14: "cannot be opened: its folder has to exist, and both have to belong to this user",
    26: "is no SQLite database: restore it from a backup",
}
_LONGEST: Final = 400


@contextmanager
def translated() -> Iterator[None]:
    """Raise UnavailableError in place of a driver's error about an outage, a full disk or a lost conflict."""
    try:
        yield
    except DatabaseError as error:
        outage = _outage(error)
        if outage is None:
            raise
        raise outage from error


@contextmanager
def explained(url: sa.URL) -> Iterator[None]:
    """Raise PreconditionError, one sentence without secrets, in place of any database error; for commands."""
    try:
        yield
    except DBAPIError as error:
        raise PreconditionError(_sentence(url, error)) from error


def _outage(error: DBAPIError) -> DomainError | None:
    state, primary = getattr(error.orig, "sqlstate", None), _primary(error)
    if state in _FULL_STATES or primary in _SQLITE_FULL:
        return StorageFull("the database cannot be written: its disk is full or read-only", retry_after=30)
    if state in _VICTIM_STATES:
        return Contended(retry_after=1)
    if primary in _SQLITE_BROKEN:
        return UnavailableError("the database is damaged", retry_after=30)
    if not isinstance(error, sa.exc.OperationalError):
        return None
    if primary in _SQLITE_BUSY or (primary is None and (state is None or state.startswith(("08", "53", "55", "57")))):
        return UnavailableError("the database does not answer", retry_after=5)
    return None


def _sentence(url: sa.URL, error: DBAPIError) -> str:
    words = _SQLITE_WORDS.get(_primary(error) or 0)
    if words is not None:
        return f"the database file {url.database} {words}"
    reason = " ".join(str(error.orig).split())
    for secret in (url.password, *(url.query.get(name) for name in ("password", "sslpassword"))):
        if secret:
            reason = reason.replace(str(secret), "***")
    where = url.database if url.host is None else f"{url.database} on {url.host}:{url.port or 5432}"
    return f"the database {where} cannot be used (HARBOR_DATABASE_URL): {reason[:_LONGEST]}"


def _primary(error: DBAPIError) -> int | None:
    """Return SQLite's primary result code, None for another database."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
