"""The objects of all live blobs, in pages, for the check of the storage."""

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
    """A live blob's object, and whether the blob is quarantined."""

    copy: StoredCopy
    quarantined: bool


def extent(ctx: Context) -> tuple[int, int]:
    """Return the number of live blobs and their highest id, (0, 0) without any."""
    row = ctx.rows(_EXTENT, {})[0]
    return row.total, row.last or 0


def page(ctx: Context, *, cursor: int, last: int, limit: int) -> Sequence[CheckedCopy]:
    """Return the objects of at most ``limit`` blobs with ids above ``cursor`` and up to ``last``, in id order."""
    rows = ctx.rows(_PAGE, {"cursor": cursor, "last": last, "limit": limit})
    return [
        CheckedCopy(
            copy=StoredCopy(id=row.id, digest=row.digest, key=row.key, size=row.size), quarantined=row.quarantined
        )
        for row in rows
    ]


def is_current(ctx: Context, copy: StoredCopy) -> bool:
    """Tell whether the blob is live and still has this object."""
    rows = ctx.rows(_KEY, {"id": copy.id})
    return bool(rows) and bool(rows[0].key == copy.key)


def holders(ctx: Context, copy: StoredCopy, limit: int) -> list[str]:
    """Return the names of the first ``limit`` repositories, by name, that hold the blob."""
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
