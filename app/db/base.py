"""The declarative base class of all tables."""

from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Names every constraint, so that migrations can refer to it, and never reuses a key on SQLite."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    __table_args__: Any = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy reads it from the class


def table_args(*parts: Any) -> tuple[Any, ...]:  # noqa: ANN401 - SQLAlchemy's own type for table arguments
    """Return ``__table_args__`` of a table: its constraints and indexes, and the options of all tables."""
    return (*parts, {"sqlite_autoincrement": True})
