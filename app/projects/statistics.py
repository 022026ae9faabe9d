"""Count the projects and repositories that a caller sees, from the counters on the projects' rows."""

from dataclasses import dataclass

import sqlalchemy as sa

from app.access.decision import require_authenticated
from app.context import Context
from app.projects.models import Project
from app.projects.visibility import seen_projects


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Numbers of projects and repositories, and the bytes of all content; only system administrators see totals."""

    private_project_count: int = 0
    private_repo_count: int = 0
    public_project_count: int = 0
    public_repo_count: int = 0
    total_project_count: int = 0
    total_repo_count: int = 0
    total_storage_consumption: int = 0


def count(ctx: Context) -> Statistics:
    """Return the numbers of public projects and of the private ones that the caller sees.

    The totals are 0 unless the caller is a system administrator. Raises UnauthenticatedError for an anonymous caller.
    """
    require_authenticated(ctx.principal)
    with ctx.read() as session:
        rows = {row.public: row for row in session.execute(_COUNTS.where(seen_projects(ctx.principal)))}
    private, public = (rows.get(kind) for kind in (False, True))
    numbers = {
        "private_project_count": private.projects if private else 0,
        "private_repo_count": private.repositories if private else 0,
        "public_project_count": public.projects if public else 0,
        "public_repo_count": public.repositories if public else 0,
    }
    if not ctx.principal.sysadmin:
        return Statistics(**numbers)
    return Statistics(
        **numbers,
        total_project_count=sum(row.projects for row in rows.values()),
        total_repo_count=sum(row.repositories for row in rows.values()),
        total_storage_consumption=sum(row.storage for row in rows.values()),
    )


def _sum(counter: sa.SQLColumnExpression[int], name: str) -> sa.Label[int]:
    return sa.cast(sa.func.coalesce(sa.func.sum(counter), 0), sa.BigInteger).label(name)


_COUNTS = sa.select(
    Project.public,
    sa.func.count().label("projects"),
    _sum(Project.repo_count, "repositories"),
    _sum(Project.storage_used, "storage"),
).group_by(Project.public)
"""One row for public projects and one for private ones."""
