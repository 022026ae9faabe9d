"""Counting the statements that a piece of code sends to the database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import PoolProxiedConnection

from app.db.database import Database
from app.db.plans import Plan

_FRAMES = ("BEGIN", "PRAGMA")


@contextmanager
def counted_statements(database: Database) -> Iterator[list[str]]:
    """Collect every statement sent within, but what only opens a transaction."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(_FRAMES):
            statements.append(statement)

    run = Plan.rows

    def rows(plan: Plan, connection: PoolProxiedConnection, parameters: Mapping[str, Any]) -> Sequence[sa.Row[Any]]:
        """A planned statement passes by the engine's events."""
        statements.append(plan.text)
        return run(plan, connection, parameters)

    engines = {database.engine, database._reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        with mock.patch.object(Plan, "rows", rows):
            yield statements
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
