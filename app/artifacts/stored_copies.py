"""The stored copies of all live blobs, as a check of the storage goes through them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from app.artifacts import reachability
from app.artifacts.models import Repository
from app.artifacts.quarantine import StoredCopy
from app.context import Context
from app.storage.models import IS_LIVE, IS_QUARANTINED, Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCopy:
    """A stored copy, and whether it is quarantined."""

    copy: StoredCopy
    quarantined: bool


def extent(ctx: Context) -> tuple[int, int]:
    """Return how many live blobs there are, and the last one's id, 0 without one."""
    row = ctx.rows(_EXTENT, {})[0]
    return row.total, row.last or 0


def page(ctx: Context, *, cursor: int, last: int, limit: int) -> Sequence[CheckedCopy]:
    """Return the copies behind the blob ``cursor`` up to ``last``, in the order of ids."""
    rows = ctx.rows(_PAGE, {"cursor": cursor, "last": last, "limit": limit})
    return [
        CheckedCopy(
            copy=StoredCopy(id=row.id, digest=row.digest, key=row.key, size=row.size), quarantined=row.quarantined
        )
        for row in rows
    ]


def is_current(ctx: Context, copy: StoredCopy) -> bool:
    """Tell whether the blob is live with this very object."""
    rows = ctx.rows(_KEY, {"id": copy.id})
    return bool(rows) and bool(rows[0].key == copy.key)


def holders(ctx: Context, copy: StoredCopy, limit: int) -> list[str]:
    """Return the names of the first repositories that hold the blob."""
    return [row.name for row in ctx.rows(_HOLDERS, {"id": copy.id, "limit": limit})]


_EXTENT: Final = sa.select(sa.func.count().label("total"), sa.func.max(Blob.id).label("last")).where(IS_LIVE)
_PAGE: Final = (
    sa.select(Blob.id, Blob.digest, Blob.key, Blob.size, IS_QUARANTINED.label("quarantined"))
    .where(IS_LIVE, Blob.id > sa.bindparam("cursor"), Blob.id <= sa.bindparam("last"))
    .order_by(Blob.id)
    .limit(sa.bindparam("limit"))
)
_KEY: Final = sa.select(Blob.key).where(Blob.id == sa.bindparam("id"), IS_LIVE)
_HOLDERS: Final = (
    reachability.holdings(Repository.name)
    .where(Blob.id == sa.bindparam("id"))
    .order_by(Repository.name)
    .limit(sa.bindparam("limit"))
)
