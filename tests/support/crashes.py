"""Transactions that end in the middle, as when the process dies."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import event
from sqlalchemy.engine import Engine


class CrashError(Exception):
    """The process ends here, as far as the database is concerned."""


@contextmanager
def crashing(engine: Engine, number: int) -> Iterator[None]:
    """Let the statement or commit of this number fail, counted together from 1; those behind it go through."""
    left = number

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise CrashError

    event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "commit", count)
    try:
        with suppress(CrashError):
            yield
    finally:
        event.remove(engine, "before_cursor_execute", count)
        event.remove(engine, "commit", count)
