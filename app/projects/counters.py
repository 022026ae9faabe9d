"""The counters on a project's row, changed at the end of a transaction so that nobody waits long for the row."""

from typing import cast

import sqlalchemy as sa

from app.context import Context
from app.db.plans import run
from app.projects import quotas
from app.projects.models import Project


def count_content(ctx: Context, project_id: int, *, stored: int = 0, repositories: int = 0) -> None:
    """Add to the bytes stored and to the number of visible repositories; call it last in the transaction.

    QuotaExceeded when more bytes would pass the project's limit: whoever adds them first has them. What adds none is
    never refused, whatever the limit.
    """
    if not (stored or repositories):
        return
    grown = {"project": project_id, "stored": stored, "repositories": repositories}
    if stored > 0:
        for use in run(ctx.session, _GROW_WITHIN, grown):
            quotas.warn(ctx, use, stored)
            return
        quotas.refuse_more(ctx, project_id, stored)
    run(ctx.session, _GROW, grown)


_PROJECT = cast("sa.Table", Project.__table__)
_STORED = sa.bindparam("stored", type_=sa.BigInteger)
_GROW = (
    sa.update(_PROJECT)
    .where(_PROJECT.c.id == sa.bindparam("project"))
    .values(
        storage_used=_PROJECT.c.storage_used + _STORED,
        repo_count=_PROJECT.c.repo_count + sa.bindparam("repositories", type_=sa.BigInteger),
    )
    .returning(_PROJECT.c.id, _PROJECT.c.storage_used, _PROJECT.c.storage_limit)
)
_GROW_WITHIN = _GROW.where(
    sa.or_(_PROJECT.c.storage_limit == quotas.UNLIMITED, _PROJECT.c.storage_limit - _PROJECT.c.storage_used >= _STORED)
)
