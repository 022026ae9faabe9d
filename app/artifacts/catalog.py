"""The catalog: the names of all published repositories."""

import sqlalchemy as sa

from app.artifacts.models import Repository
from app.context import Context
from app.core.paging import KeysetPage


class CatalogService:
    """Lists the repositories; the registry edge has checked the caller's right to the catalog before."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def names(self, *, last: str, limit: int) -> KeysetPage[str]:
        """Return the full names of at most ``limit`` repositories after ``last`` in byte order."""
        rows = self._ctx.prepared_rows(_NAMES, {"last": last, "limit": limit + 1})
        return KeysetPage(items=[row.name for row in rows[:limit]], more=len(rows) > limit)


_NAMES = (
    sa.select(Repository.name)
    .where(Repository.name > sa.bindparam("last"), Repository.published.is_(sa.true()))
    .order_by(Repository.name)
    .limit(sa.bindparam("limit", type_=sa.Integer()))
)
