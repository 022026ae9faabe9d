"""Inserts that leave a row alone that is there already; the one place that knows both databases' spelling."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db.base import Base


def insert_absent(session: Session, model: type[Base]) -> sa.Insert:
    """Return an INSERT … ON CONFLICT DO NOTHING into the model's table; RETURNING yields only the rows it made."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(model).on_conflict_do_nothing()
    return sqlite.insert(model).on_conflict_do_nothing()
