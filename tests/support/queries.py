"""Counting the statements that a piece of code sends to the database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from app.db.database import Database

_FRAMES = ("BEGIN", "PRAGMA")


@contextmanager
def counted_statements(database: Database) -> Iterator[list[str]]:
    """Collect every statement sent within, but what only opens a transaction."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(_FRAMES):
            statements.append(statement)

    def rows(statement: sa.Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[sa.Row[Any]]:
        """A planned statement passes by the engine's events."""
        before = len(statements)
        found = Database.rows(database, statement, parameters)
        if len(statements) == before:
            text = statement.compile(dialect=database.engine.dialect) if isinstance(statement, sa.Select) else statement
            statements.append(str(text))
        return found

    engines = {database.engine, database._reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    vars(database)["rows"] = rows
    try:
        yield statements
    finally:
        del vars(database)["rows"]
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
