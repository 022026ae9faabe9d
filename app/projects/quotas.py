"""How many bytes a project may hold and holds: its limit, its counters, and the refusal when the limit is reached."""

from dataclasses import dataclass
from typing import Any, Final, cast

import sqlalchemy as sa

from app.access.decision import may_in_system
from app.configuration.keys import QUOTA_PER_PROJECT_ENABLE, STORAGE_PER_PROJECT
from app.configuration.service import ConfigurationService
from app.context import Context
from app.core.errors import FieldInvalid, ProjectUnknown, QuotaExceeded
from app.db.plans import run
from app.events.quotas import ProjectQuotaExceeded, QuotaWarning
from app.projects.models import Project

UNLIMITED: Final = -1
WARNING_PERCENT: Final = 85
"""Of a limit; above it those who are told of quotas are warned, once until the project holds less again."""
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP: Final = 1024


def limit_at_birth(ctx: Context, asked: int | None) -> int:
    """The limit of a new project: what an administrator asks for, else the default; none while quotas are off.

    FieldInvalid for a number of bytes that is no limit.
    """
    settings = ConfigurationService(ctx).values()
    if not settings[QUOTA_PER_PROJECT_ENABLE]:
        return UNLIMITED
    if not asked or not may_in_system(ctx.principal, "project", "create"):
        return settings[STORAGE_PER_PROJECT]
    if asked < UNLIMITED:
        raise FieldInvalid("storage_limit", "a number of bytes, or -1 for no limit")
    return asked


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitedProject:
    """A project and how many bytes it may hold."""

    id: int
    name: str
    limit: int
    """-1 for no limit."""


def project_with_room(ctx: Context, name: str) -> LimitedProject:
    """The project of this name, so that nobody sends bytes in vain; one query on the kept connection.

    ProjectUnknown when there is none, QuotaExceeded when it has no room for anything more.
    """
    row = _use(ctx, name)
    if row.storage_limit != UNLIMITED and row.storage_used >= row.storage_limit:
        _refuse_while_on(ctx, row, 0)
    return LimitedProject(id=row.id, name=name, limit=row.storage_limit)


def find_project(ctx: Context, name: str) -> LimitedProject:
    """The project of this name, full or not; one query on the kept connection. ProjectUnknown when there is none."""
    row = _use(ctx, name)
    return LimitedProject(id=row.id, name=name, limit=row.storage_limit)


def _use(ctx: Context, name: str) -> sa.Row[*tuple[Any, ...]]:
    for row in ctx.ports.db.rows(_NAMED_USE, {"name": name}):
        return row
    raise ProjectUnknown(f"project {name} not found")


def is_limited(ctx: Context, project_id: int) -> bool:
    """Whether the project has a limit, and quotas are on."""
    limits = [row.storage_limit for row in ctx.ports.db.rows(_USE, {"project": project_id})]
    return bool(limits) and limits[0] != UNLIMITED and ConfigurationService(ctx).value(QUOTA_PER_PROJECT_ENABLE)


def require_small_backlog(ctx: Context, project: LimitedProject, waiting: int) -> None:
    """QuotaExceeded while more was deleted from a project and not collected than its limit times the setting."""
    most = project.limit * ctx.ports.settings.uploads.backlog
    if waiting <= most or not ConfigurationService(ctx).value(QUOTA_PER_PROJECT_ENABLE):
        return
    raise QuotaExceeded(
        f"{_readable(waiting)} that were deleted from project {project.name} wait for garbage collection, at most "
        f"{_readable(most)} may: run a garbage collection",
        detail={"waiting": waiting, "limit": most},
    )


def refuse_arriving(ctx: Context, project_id: int, arriving: int) -> None:
    """QuotaExceeded for bytes on their way that a project cannot take; returns while quotas are off."""
    for row in ctx.ports.db.rows(_USE, {"project": project_id}):
        _refuse_while_on(ctx, row, arriving)


def refuse_more(ctx: Context, project_id: int, stored: int) -> None:
    """QuotaExceeded for a project that cannot take ``stored`` bytes more; returns while quotas are off."""
    row = ctx.session.connection().execute(_USE, {"project": project_id}).one_or_none()
    if row is not None:
        _refuse_while_on(ctx, row, stored)


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
            _warn(ctx, use, stored)
            return
        refuse_more(ctx, project_id, stored)
    run(ctx.session, _GROW, grown)


def _refuse_while_on(ctx: Context, row: sa.Row[*tuple[Any, ...]], stored: int) -> None:
    if not ConfigurationService(ctx).value(QUOTA_PER_PROJECT_ENABLE):
        return
    used, limit = row.storage_used, row.storage_limit
    with ctx.refusing(ProjectQuotaExceeded(project_id=row.id, used=used, limit=limit, adding=stored)):
        raise QuotaExceeded(
            f"adding {_readable(stored)} of storage resource, which when updated to current usage of "
            f"{_readable(used)} will exceed the configured upper limit of {_readable(limit)}.",
            detail={"used": used, "limit": limit, "adding": stored},
        )


def _warn(ctx: Context, use: sa.Row[*tuple[Any, ...]], stored: int) -> None:
    """Emit QuotaWarning when the ``stored`` bytes just added brought a project over 85 % of its limit."""
    threshold = use.storage_limit * WARNING_PERCENT
    if use.storage_limit == UNLIMITED or not (use.storage_used - stored) * 100 < threshold <= use.storage_used * 100:
        return
    if ConfigurationService(ctx).value(QUOTA_PER_PROJECT_ENABLE):
        ctx.emit(QuotaWarning(project_id=use.id, used=use.storage_used, limit=use.storage_limit))


def _readable(size: int) -> str:
    """Bytes for people: ``1.5 MiB``."""
    value, unit = float(size), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.1f} {_UNITS[unit]}"


_COLUMNS = sa.select(Project.id, Project.storage_used, Project.storage_limit)
_USE = _COLUMNS.where(Project.id == sa.bindparam("project"))
_NAMED_USE = _COLUMNS.where(Project.name == sa.bindparam("name"))
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
    sa.or_(_PROJECT.c.storage_limit == UNLIMITED, _PROJECT.c.storage_limit - _PROJECT.c.storage_used >= _STORED)
)
