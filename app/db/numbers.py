"""Rising numbers that are never given twice: by a sequence on PostgreSQL, by a row on SQLite."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base
from app.db.plans import run
from app.db.types import BigId, byte_text

AUDIT: Final = "audit_log_id_seq"


class LastNumber(Base):
    """The last number that was given under a name, on SQLite."""

    __tablename__ = "last_number"

    name: Mapped[str] = mapped_column(byte_text(63), primary_key=True)
    value: Mapped[int] = mapped_column(BigId)


def take(session: Session, name: str, count: int) -> Sequence[int]:
    """Take the next ``count`` numbers under ``name``, in rising order; inside an open writing transaction."""
    if session.get_bind().dialect.name == "postgresql":
        return sorted(session.connection().execute(_DRAW, {"name": name, "count": count}).scalars())
    last = int(run(session, _COUNT, {"name": name, "count": count})[0][0])
    return range(last - count + 1, last + 1)


_DRAW = sa.text("SELECT nextval(CAST(:name AS regclass)) FROM generate_series(1, :count)")
_COUNT = (
    sqlite.insert(LastNumber)
    .values(name=sa.bindparam("name"), value=sa.bindparam("count"))
    .on_conflict_do_update(
        index_elements=["name"], set_={"value": LastNumber.value + sa.bindparam("count", type_=sa.BigInteger)}
    )
    .returning(LastNumber.value)
)
