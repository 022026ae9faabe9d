"""Count the use of projects anew from their content, and mend counters and charges that differ."""

from collections.abc import Iterator
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import require_in_system
from app.artifacts.usage import count_use, settle_charges
from app.context import Context
from app.core.errors import ProjectUnknown
from app.db.database import retried
from app.projects.models import Project
from app.quotas.results import Recount

_PAGE: Final = 100
_PROJECT: Final = cast("sa.Table", Project.__table__)


class RecountService:
    """Recounts projects one after another; needs the system's right to update quotas."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def recount_all(self, *, mend: bool) -> Iterator[Recount]:
        """Yield the recount of every project in the order of ids; pushes to other projects go on meanwhile."""
        require_in_system(self._ctx.principal, "quota", "update")
        cursor = 0
        while rows := self._ctx.rows(_PROJECTS_PAGE, {"cursor": cursor, "limit": _PAGE}):
            for row in rows:
                cursor = row.id
                recount = self._recount_or_none(row.id, mend=mend)
                if recount is not None:
                    yield recount

    def recount(self, name: str, *, mend: bool) -> Recount:
        """Recount the project of this name; raise ProjectUnknown without one."""
        require_in_system(self._ctx.principal, "quota", "update")
        rows = self._ctx.rows(_NAMED, {"name": name})
        recount = self._recount_or_none(rows[0].id, mend=mend) if rows else None
        if recount is None:
            raise ProjectUnknown(f"project {name} not found")
        return recount

    @retried()
    def _recount_or_none(self, project_id: int, *, mend: bool) -> Recount | None:
        """Recount a project under its row's lock, so that no push counts its bytes meanwhile; None when it is gone."""
        with self._ctx.write() as session:
            row = session.execute(_LOCKED, {"project": project_id}).one_or_none()
            return None if row is None else _recount(session, row, mend=mend)


def _recount(session: Session, row: sa.Row[int, str, int, int], *, mend: bool) -> Recount:
    use = count_use(session, row.id)
    recount = Recount(
        project=row.name,
        stored=row.storage_used,
        counted=use.stored,
        repositories=row.repo_count,
        counted_repositories=use.repositories,
        uncharged=use.uncharged,
        overcharged=use.overcharged,
    )
    if mend and recount.differs:
        settle_charges(session, row.id)
        settled = count_use(session, row.id)
        right = {"storage_used": settled.stored, "repo_count": settled.repositories}
        session.execute(sa.update(_PROJECT).where(_PROJECT.c.id == row.id).values(**right))
    return recount


_PROJECTS_PAGE: Final = (
    sa.select(Project.id)
    .where(Project.id > sa.bindparam("cursor"))
    .order_by(Project.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_NAMED: Final = sa.select(Project.id).where(Project.name == sa.bindparam("name"))
_LOCKED: Final = (
    sa.select(Project.id, Project.name, Project.storage_used, Project.repo_count)
    .where(Project.id == sa.bindparam("project"))
    .with_for_update()
)
