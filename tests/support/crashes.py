"""Transactions that end in the middle, as when the process dies."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import event
from sqlalchemy.engine import Engine


class CrashError(Exception):
    """The process ends here, as far as the database is concerned."""


@contextmanager
def crashing(engine: Engine, number: int) -> Iterator[None]:
    """Let the statement of this number fail, or the first commit when none has failed before; only once."""
    left = number

    def before_statement(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise CrashError

    def before_commit(_: object) -> None:
        nonlocal left
        if left > 0:
            left = 0
            raise CrashError

    event.listen(engine, "before_cursor_execute", before_statement)
    event.listen(engine, "commit", before_commit)
    try:
        with suppress(CrashError):
            yield
    finally:
        event.remove(engine, "before_cursor_execute", before_statement)
        event.remove(engine, "commit", before_commit)
