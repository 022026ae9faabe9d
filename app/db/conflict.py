"""Inserts that leave a row alone that is there already; the one place that knows both databases' spelling."""

from collections.abc import Mapping
from typing import cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db.base import Base


def insert_absent(session: Session, model: type[Base]) -> sa.Insert:
    """Return an INSERT … ON CONFLICT DO NOTHING into the model's table; RETURNING yields only the rows it made."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(model).on_conflict_do_nothing()
    return sqlite.insert(model).on_conflict_do_nothing()


def full_insert(model: type[Base], *columns: str, **values: object) -> sa.Insert:
    """An INSERT made once: ``columns`` are parameters; what has a default in Python must be among the two."""
    table = cast("sa.Table", model.__table__)
    return sa.insert(table).values(**{name: sa.bindparam(name, type_=table.c[name].type) for name in columns}, **values)


def absent_inserts(model: type[Base], *columns: str, **values: object) -> Mapping[str, sa.Insert]:
    """The same statement for each database by name, made once: ``columns`` are parameters, RETURNING gives the id."""
    table = cast("sa.Table", model.__table__)
    parameters = {name: sa.bindparam(name, type_=table.c[name].type) for name in columns}
    return {
        kind.dialect.name: kind.insert(table)
        .values(**parameters, **values)
        .on_conflict_do_nothing()
        .returning(table.c.id)
        for kind in (postgresql, sqlite)
    }


def absent_selects(
    model: type[Base], *columns: str, rows: sa.SelectBase, returning: str = ""
) -> Mapping[str, sa.Insert]:
    """As ``absent_inserts`` for the rows of a SELECT with a WHERE; RETURNING gives the last column, or another."""
    table = cast("sa.Table", model.__table__)
    return {
        kind.dialect.name: kind.insert(table)
        .from_select(columns, rows)
        .on_conflict_do_nothing()
        .returning(table.c[returning or columns[-1]])
        for kind in (postgresql, sqlite)
    }
