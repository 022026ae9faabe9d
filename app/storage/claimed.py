"""Blobs claimed for deletion: one transaction claims them, their objects are deleted, another deletes their rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.storage.models import DELETING, Blob

_IS_CLAIMED: Final = sa.and_(Blob.state != sa.literal_column("'live'"), Blob.state == sa.literal_column("'deleting'"))
"""Both conditions stand here so that the database uses the partial index of blobs that are not live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedBlob:
    """A blob in the state ``deleting``: no repository holds it and its object is about to be deleted."""

    id: int
    key: str
    digest: str


def claim(session: Session, blob_ids: Sequence[int], condition: sa.ColumnElement[bool]) -> list[ClaimedBlob]:
    """Claim the blobs that meet the condition for deletion and return them; they are not served from then on."""
    claimed = sa.update(Blob).where(Blob.id.in_(blob_ids), condition).values(state=DELETING)
    rows = session.execute(
        claimed.returning(Blob.id, Blob.key, Blob.digest), execution_options={"synchronize_session": False}
    )
    return _blobs(rows)


def some(session: Session, limit: int) -> list[ClaimedBlob]:
    """Return at most ``limit`` claimed blobs in the order of their ids."""
    return _blobs(session.execute(_CLAIMED.limit(limit)))


def page(session: Session, place: Mapping[str, int]) -> list[ClaimedBlob]:
    """Return at most ``limit`` claimed blobs with ids above ``cursor`` that belong to ``share`` of ``shares``."""
    return _blobs(session.execute(_PAGE, place))


def count(session: Session) -> tuple[int, int]:
    """Return the number of claimed blobs and the sum of their sizes in bytes."""
    row = session.execute(_COUNT).one()
    return row.blobs, int(row.bytes)


def forget(session: Session, blob_ids: Sequence[int]) -> tuple[int, int]:
    """Delete the rows of claimed blobs whose objects are deleted; return their number and total size in bytes."""
    statement = sa.delete(Blob).where(Blob.id.in_(blob_ids), Blob.state == DELETING).returning(Blob.size)
    sizes = session.execute(statement, execution_options={"synchronize_session": False}).scalars().all()
    return len(sizes), sum(sizes)


def _blobs(rows: Iterable[Any]) -> list[ClaimedBlob]:
    return [ClaimedBlob(id=row.id, key=row.key, digest=row.digest) for row in rows]


_CLAIMED: Final = sa.select(Blob.id, Blob.key, Blob.digest).where(_IS_CLAIMED).order_by(Blob.id)
_PAGE: Final = _CLAIMED.where(
    Blob.id > sa.bindparam("cursor"),
    Blob.id % sa.bindparam("shares", type_=sa.Integer()) == sa.bindparam("share"),
).limit(sa.bindparam("limit"))
_COUNT: Final = sa.select(
    sa.func.count().label("blobs"), sa.func.coalesce(sa.func.sum(Blob.size), 0).label("bytes")
).where(_IS_CLAIMED)
