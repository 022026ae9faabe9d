"""The CVE allowlists: each project's own, and the system's, which projects may use instead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import require_authenticated, require_in_system
from app.context import Context
from app.core.errors import FieldInvalid
from app.db.database import retried
from app.events.configuration import SystemAllowlistChanged
from app.projects.models import CVEAllowlist

_ID_LIMIT: Final = 128
_ITEMS_LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowlistContent:
    """The content of an allowlist."""

    cve_ids: tuple[str, ...] = ()
    expires_at: int | None = None
    """Seconds since 1970, None for never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowlistView:
    """An allowlist as callers see it."""

    id: int
    project_id: int
    """0 for the system's allowlist."""
    cve_ids: Sequence[str] | None
    """None in lists of projects when there are too many ids to show."""
    expires_at: int | None
    creation_time: datetime | None
    update_time: datetime | None

    @property
    def items(self) -> list[dict[str, str]] | None:
        """The ids in the form of Harbor's API."""
        return None if self.cve_ids is None else [{"cve_id": cve_id} for cve_id in self.cve_ids]


class AllowlistService:
    """The use cases of the system's CVE allowlist, in the name of the context's principal."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def system(self) -> AllowlistView:
        """Return the system's allowlist; raise UnauthenticatedError for an anonymous caller."""
        require_authenticated(self._ctx.principal)
        row = self._ctx.rows(_SYSTEM, {})[0]
        return AllowlistView(
            id=row.id,
            project_id=0,
            cve_ids=row.items,
            expires_at=row.expires_at,
            creation_time=row.creation_time,
            update_time=row.update_time,
        )

    @retried()
    def set_system(self, body: Mapping[str, Any] | None) -> None:
        """Replace the system's allowlist; do nothing for None.

        Raises as ``require_in_system`` does unless the caller may update the configuration, and FieldInvalid for a
        list of a project and as ``parse`` does.
        """
        require_in_system(self._ctx.principal, "configuration", "update")
        if body is None:
            return
        content = parse(body, 0, "")
        with self._ctx.write() as session:
            store(session, None, content, self._ctx.ports.clock.now())
            self._ctx.emit(SystemAllowlistChanged())


def parse(body: Mapping[str, Any], project_id: int, field: str = "cve_allowlist.") -> AllowlistContent:
    """Return the content of a loaded allowlist of this project, 0 for the system; ``field`` prefixes names in errors.

    Raises FieldInvalid for another project's list, for ids that are empty, too long or duplicate, and for too many.
    """
    if body.get("project_id") not in (None, 0, project_id):
        raise FieldInvalid(f"{field}project_id", f"{project_id or 'left out'}")
    expires_at = body.get("expires_at")
    if expires_at is not None and expires_at < 0:
        raise FieldInvalid(f"{field}expires_at", "seconds since 1970, or left out")
    ids = tuple(item.get("cve_id", "").strip() for item in body.get("items") or ())
    if len(ids) > _ITEMS_LIMIT:
        raise FieldInvalid(f"{field}items", f"at most {_ITEMS_LIMIT} items")
    if not all(0 < len(cve_id) <= _ID_LIMIT for cve_id in ids):
        raise FieldInvalid(f"{field}items", f"items with a cve_id of 1 to {_ID_LIMIT} characters")
    if len(set(ids)) != len(ids):
        raise FieldInvalid(f"{field}items", "items that differ from each other")
    return AllowlistContent(cve_ids=ids, expires_at=expires_at)


def store(session: Session, project_id: int | None, content: AllowlistContent, now: datetime) -> None:
    """Replace the allowlist of the project, of the system for None, in the open writing transaction."""
    place = {} if project_id is None else {"at_project": project_id}
    values = {"new_items": list(content.cve_ids), "new_expires_at": content.expires_at, "now": now}
    if session.execute(_SET_SYSTEM if project_id is None else _SET, values | place).first() is None:
        insert_for(session, project_id, content, now)


def insert_for(session: Session, project_id: int | None, content: AllowlistContent, now: datetime) -> None:
    """Insert the first allowlist of a new project, or of the system for None, in the open writing transaction."""
    row = {"project_id": project_id, "items": list(content.cve_ids), "expires_at": content.expires_at}
    session.execute(_NEW, row | {"creation_time": now, "update_time": now})


_TABLE: Final = cast("sa.Table", CVEAllowlist.__table__)
_NEW = sa.insert(_TABLE)
_CHANGE = (
    sa.update(_TABLE)
    .values(
        items=sa.bindparam("new_items", type_=_TABLE.c["items"].type),
        expires_at=sa.bindparam("new_expires_at", type_=_TABLE.c.expires_at.type),
        update_time=sa.bindparam("now", type_=_TABLE.c.update_time.type),
    )
    .returning(_TABLE.c.id)
)
_SET = _CHANGE.where(_TABLE.c.project_id == sa.bindparam("at_project"))
_SET_SYSTEM = _CHANGE.where(_TABLE.c.project_id.is_(None))
_SYSTEM = sa.select(
    CVEAllowlist.id,
    CVEAllowlist.items,
    CVEAllowlist.expires_at,
    CVEAllowlist.creation_time,
    CVEAllowlist.update_time,
).where(CVEAllowlist.project_id.is_(None))
