"""Column types that behave the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer that SQLite accepts as an autoincrement key."""
Document = JSON().with_variant(JSONB(), "postgresql")
"""A JSON document."""


def byte_text(length: int) -> TypeEngine[str]:
    """Return a text type that compares and sorts by bytes on both databases: for names, tags, digests, states."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A time that is aware and in UTC in Python."""

    impl: Any = DateTime(timezone=True)
    cache_ok: bool | None = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC, which SQLite stores without a zone; ValueError for a naive time."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"naive datetime {value!r} for a UTC column"
            raise ValueError(message)
        return value.astimezone(UTC).replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Make the stored time aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class clock_ms(FunctionElement[int]):  # noqa: N801 - written like the SQL functions it stands beside
    """The database's clock in milliseconds since 1970, read when the statement runs; for leases and claims."""

    type: Any = BigInteger()
    inherit_cache: bool | None = True


@compiles(clock_ms, "postgresql")
def _clock_ms_postgresql(_element: clock_ms, _compiler: SQLCompiler, **_: object) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


@compiles(clock_ms, "sqlite")
def _clock_ms_sqlite(_element: clock_ms, _compiler: SQLCompiler, **_: object) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
