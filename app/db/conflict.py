"""Build INSERT statements, with ON CONFLICT DO NOTHING for both databases."""

from collections.abc import Mapping
from typing import cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db.base import Base


def insert_absent(session: Session, model: type[Base]) -> sa.Insert:
    """Return an INSERT … ON CONFLICT DO NOTHING into the model's table; RETURNING yields inserted rows only."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(model).on_conflict_do_nothing()
    return sqlite.insert(model).on_conflict_do_nothing()


def full_insert(model: type[Base], *columns: str, **values: object) -> sa.Insert:
    """Build an INSERT for a module's constant: ``columns`` are its parameters, ``values`` are fixed.

    Columns with a default in Python must be among them, so that the driver can run the statement as it is.
    """
    table = cast("sa.Table", model.__table__)
    return sa.insert(table).values(**{name: sa.bindparam(name, type_=table.c[name].type) for name in columns}, **values)


def absent_inserts(model: type[Base], *columns: str, **values: object) -> Mapping[str, sa.Insert]:
    """Build an INSERT … ON CONFLICT DO NOTHING RETURNING id for each database, by its dialect's name.

    ``columns`` are its parameters, ``values`` are fixed.
    """
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
    """Build an INSERT … SELECT … ON CONFLICT DO NOTHING for each database, by its dialect's name.

    The SELECT ``rows`` must have a WHERE. RETURNING gives the last column, or the one named.
    """
    table = cast("sa.Table", model.__table__)
    return {
        kind.dialect.name: kind.insert(table)
        .from_select(columns, rows)
        .on_conflict_do_nothing()
        .returning(table.c[returning or columns[-1]])
        for kind in (postgresql, sqlite)
    }
