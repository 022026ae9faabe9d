"""The storage quotas of projects as administrators see and change them."""

import re
from collections.abc import Mapping
from typing import Final, cast

import sqlalchemy as sa

from app.access.decision import require_in_system
from app.context import Context
from app.core.errors import FieldInvalid, NotFoundError
from app.core.paging import Listed
from app.core.query import ListQuery
from app.db.database import retried
from app.db.listing import Columns, counted, order, paged
from app.events.quotas import QuotaChanged
from app.identity.models import User
from app.projects.models import Project
from app.projects.quotas import UNLIMITED
from app.quotas.results import QuotaView

STORAGE: Final = "storage"
"""The only resource that quotas limit."""
_LARGEST: Final = 2**63 - 1
_ID: Final = re.compile("[0-9]{1,18}")
_PROJECTS: Final = "project"
"""The only kind of thing that quotas are of."""
_LIMIT: Final = sa.case((Project.storage_limit == UNLIMITED, _LARGEST), else_=Project.storage_limit)
"""The limit for sorting: no limit is the largest."""
_COLUMNS: Final[Columns] = {
    "id": Project.id,
    "creation_time": Project.creation_time,
    "update_time": Project.update_time,
    "hard.storage": _LIMIT,
    "used.storage": Project.storage_used,
}
_NEWEST: Final = (Project.creation_time.desc(), Project.id.desc())
_QUOTAS: Final = (
    sa.select(
        Project.id,
        Project.name.label("project_name"),
        User.username.label("owner_name"),
        Project.storage_limit.label("limit"),
        Project.storage_used.label("stored"),
        Project.creation_time,
        Project.update_time,
    )
    .select_from(Project)
    .join(User, User.id == Project.owner_id)
)
_PROJECT: Final = cast("sa.Table", Project.__table__)


class QuotaService:
    """The use cases of quotas; all need the system's right to the action on ``quota``."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def list(
        self, query: ListQuery, *, reference: str | None = None, reference_id: str | None = None
    ) -> Listed[QuotaView]:
        """Return a page of the quotas, of one project with ``reference_id``; another kind of reference has none."""
        require_in_system(self._ctx.principal, "quota", "list")
        where = _of_reference(reference, reference_id)
        ordered = order(query.sort, _COLUMNS, _NEWEST, Project.id)
        statement = paged(_QUOTAS.where(*where).order_by(*ordered), query.page)
        with self._ctx.read() as session:
            total = counted(session, sa.select(Project.id).where(*where))
            items = [QuotaView(**row._asdict()) for row in session.execute(statement)]
        return Listed(items=items, total=total, page=query.page)

    def find(self, quota_id: int) -> QuotaView:
        """Return a quota; raise NotFoundError without one of this id."""
        require_in_system(self._ctx.principal, "quota", "read")
        with self._ctx.read() as session:
            row = session.execute(_QUOTAS.where(Project.id == quota_id)).one_or_none()
        if row is None:
            raise _unknown(quota_id)
        return QuotaView(**row._asdict())

    @retried()
    def update(self, quota_id: int, hard: Mapping[str, int]) -> None:
        """Set a project's limit in bytes, -1 for none; a limit below the use only stops further pushes.

        Raises NotFoundError; FieldInvalid for another resource, or a limit that is neither positive nor -1.
        """
        require_in_system(self._ctx.principal, "quota", "update")
        limit = _limit(hard)
        with self._ctx.write() as session:
            project = session.execute(_FOUND, {"project": quota_id}).one_or_none()
            if project is None:
                raise _unknown(quota_id)
            if project.storage_limit == limit:
                return
            now = self._ctx.ports.clock.now()
            changed = sa.update(_PROJECT).where(_PROJECT.c.id == quota_id).values(storage_limit=limit, update_time=now)
            session.execute(changed)
            self._ctx.emit(
                QuotaChanged(project_id=quota_id, name=project.name, limit_before=project.storage_limit, limit=limit)
            )


def _of_reference(reference: str | None, reference_id: str | None) -> list[sa.ColumnElement[bool]]:
    where: list[sa.ColumnElement[bool]] = []
    if reference and reference != _PROJECTS:
        where.append(sa.false())
    if reference_id:
        is_id = _ID.fullmatch(reference_id) is not None
        where.append(Project.id == int(reference_id) if is_id else sa.false())
    return where


def _limit(hard: Mapping[str, int]) -> int:
    if others := sorted(name for name in hard if name != STORAGE):
        raise FieldInvalid("hard", f"limits of {STORAGE} alone, not of {others[0][:100]!r}")
    limit = hard.get(STORAGE)
    if limit is None or limit < UNLIMITED or limit == 0:
        raise FieldInvalid(f"hard.{STORAGE}", "a positive number of bytes, or -1 for no limit")
    return limit


def _unknown(quota_id: int) -> NotFoundError:
    return NotFoundError(f"quota {quota_id} not found")


_FOUND: Final = (
    sa.select(Project.name, Project.storage_limit).where(Project.id == sa.bindparam("project")).with_for_update()
)
