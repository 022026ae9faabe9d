"""The declarative base of every table."""

from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Named constraints, so that migrations can address them, and SQLite keys that are never used twice."""

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
    """Constraints and indexes of one table, with the options that every table has."""
    return (*parts, {"sqlite_autoincrement": True})
