"""The storage quotas of projects: the limit, the counters, and the error when the limit is reached."""

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
"""The percentage of a limit that causes a QuotaWarning when a project's use reaches it from below."""
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP: Final = 1024


def limit_of_new_project(ctx: Context, requested: int | None) -> int:
    """Return a new project's limit: the administrator's choice, else the default, and UNLIMITED with quotas off.

    Raises FieldInvalid for an invalid number of bytes.
    """
    settings = ConfigurationService(ctx).values()
    if not settings[QUOTA_PER_PROJECT_ENABLE]:
        return UNLIMITED
    if not requested or not may_in_system(ctx.principal, "project", "create"):
        return settings[STORAGE_PER_PROJECT]
    if requested < UNLIMITED:
        raise FieldInvalid("storage_limit", "a number of bytes, or -1 for no limit")
    return requested


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitedProject:
    """A project with its storage limit in bytes."""

    id: int
    name: str
    limit: int
    """-1 for no limit."""


def project_with_room(ctx: Context, name: str) -> LimitedProject:
    """Return the project of this name if it has room for an upload; one query on the kept connection.

    Raises ProjectUnknown when there is none, QuotaExceeded when its limit is reached.
    """
    row = _use(ctx, name)
    if row.storage_limit != UNLIMITED and row.storage_used >= row.storage_limit:
        _require_quotas_off(ctx, row, 0)
    return LimitedProject(id=row.id, name=name, limit=row.storage_limit)


def require_project(ctx: Context, name: str) -> LimitedProject:
    """Return the project of this name or raise ProjectUnknown; one query on the kept connection."""
    row = _use(ctx, name)
    return LimitedProject(id=row.id, name=name, limit=row.storage_limit)


def _use(ctx: Context, name: str) -> sa.Row[*tuple[Any, ...]]:
    for row in ctx.prepared_rows(_NAMED_USE, {"name": name}):
        return row
    raise ProjectUnknown(f"project {name} not found")


def is_limited(ctx: Context, project_id: int) -> bool:
    """Tell whether the project has a storage limit and quotas are on."""
    limits = [row.storage_limit for row in ctx.prepared_rows(_USE, {"project": project_id})]
    return bool(limits) and limits[0] != UNLIMITED and ConfigurationService(ctx).value(QUOTA_PER_PROJECT_ENABLE)


def require_small_backlog(ctx: Context, project: LimitedProject, waiting: int) -> None:
    """Raise QuotaExceeded when too many deleted bytes of a project wait for garbage collection.

    At most its limit times the setting ``uploads.backlog`` may wait.
    """
    most = project.limit * ctx.ports.settings.uploads.backlog
    if waiting <= most or not ConfigurationService(ctx).value(QUOTA_PER_PROJECT_ENABLE):
        return
    raise QuotaExceeded(
        f"{_readable(waiting)} that were deleted from project {project.name} wait for garbage collection, at most "
        f"{_readable(most)} may: run a garbage collection",
        detail={"waiting": waiting, "limit": most},
    )


def require_quotas_off_beyond_limit(ctx: Context, project_id: int, adding: int) -> None:
    """Raise QuotaExceeded for ``adding`` bytes that a project's limit has no room for, unless quotas are off."""
    for row in ctx.prepared_rows(_USE, {"project": project_id}):
        _require_quotas_off(ctx, row, adding)


def count_content(ctx: Context, project_id: int, *, stored: int = 0, repositories: int = 0) -> None:
    """Add to the stored bytes and the number of visible repositories of a project, as the transaction's last statement.

    Raises QuotaExceeded when further bytes would exceed the project's limit. A change that adds no bytes always
    succeeds.
    """
    if not (stored or repositories):
        return
    grown = {"project": project_id, "stored": stored, "repositories": repositories}
    with ctx.write() as session:
        if stored > 0:
            for use in run(session, _GROW_WITHIN, grown):
                _warn(ctx, use, stored)
                return
            require_quotas_off_beyond_limit(ctx, project_id, stored)
        run(session, _GROW, grown)


def _require_quotas_off(ctx: Context, row: sa.Row[*tuple[Any, ...]], stored: int) -> None:
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
    """Emit QuotaWarning when the ``stored`` bytes just added raised a project to 85 % of its limit or more."""
    threshold = use.storage_limit * WARNING_PERCENT
    if use.storage_limit == UNLIMITED or not (use.storage_used - stored) * 100 < threshold <= use.storage_used * 100:
        return
    if ConfigurationService(ctx).value(QUOTA_PER_PROJECT_ENABLE):
        ctx.emit(QuotaWarning(project_id=use.id, used=use.storage_used, limit=use.storage_limit))


def _readable(size: int) -> str:
    """Return a number of bytes in readable units: ``1.5 MiB``."""
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
