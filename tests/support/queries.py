"""Counting the statements that a piece of code sends to the database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import PoolProxiedConnection

from app.db.database import Database
from app.db.plans import Plan, Plans

_FRAMES = ("BEGIN", "PRAGMA", "EXPLAIN")


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


@contextmanager
def explaining(database: Database, part: str, *, small: bool = False) -> Iterator[list[str]]:
    """Collect the plans of the statements sent within that hold ``part``, as text; none runs by a plan of its own.

    With ``small`` tables PostgreSQL is told to read by index where it can, as it would large ones.
    """
    plans: list[str] = []
    prefix = "EXPLAIN QUERY PLAN " if database.sqlite else "EXPLAIN "
    around = ("SET enable_seqscan = off", "RESET enable_seqscan") if small and not database.sqlite else ("", "")

    def explain(_connection: object, cursor: Any, statement: str, parameters: Any, *_: object) -> None:  # noqa: ANN401 - the driver's
        if part in statement and not statement.startswith(_FRAMES):
            cursor.execute(around[0])
            cursor.execute(prefix + statement, parameters)
            plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
            cursor.execute(around[1])

    engines = {database.engine, database._reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", explain)
    try:
        with mock.patch.object(Plans, "find", return_value=None):
            yield plans
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", explain)
