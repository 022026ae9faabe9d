"""Read the audit log of a project."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.audit.models import AuditLog
from app.audit.results import AuditView
from app.context import Context
from app.core.paging import Listed
from app.core.query import ListQuery
from app.db.listing import Columns, conditions, order, paged
from app.projects.rights import require_in_project

COUNTED: Final = 100_000
"""Totals are counted exactly up to this number."""
_COLUMNS: Columns = {
    "id": AuditLog.id,
    "username": AuditLog.username,
    "resource": AuditLog.resource,
    "resource_type": AuditLog.resource_type,
    "operation": AuditLog.operation,
    "operation_result": AuditLog.success,
    "op_time": AuditLog.op_time,
}
_TIME = "op_time"


class AuditService:
    """Reads the audit log with the rights of the context's principal."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def list_in(self, project_name: str, query: ListQuery) -> Listed[AuditView]:
        """Return a page of the project's audit log, newest first unless the query sorts it; needs log:list there.

        The total is exact up to COUNTED. For a longer list it is at least COUNTED, and exceeds the rows up to this
        page as long as others follow, so that clients that follow the pages reach the end. InvalidError when a value
        of the query does not fit its column.
        """
        project = require_in_project(self._ctx, project_name, "log", "list")
        where = [AuditLog.project_id == project.id, *conditions(query, _COLUMNS)]
        with self._ctx.read() as session:
            counted = _counted(session, where)
            if query.page.offset >= counted < COUNTED:
                return Listed(items=(), total=counted, page=query.page)
            items, more = _page(session, where, query)
        return Listed(items=items, total=max(counted, query.page.offset + len(items) + more), page=query.page)


def _counted(session: Session, where: list[ColumnElement[bool]]) -> int:
    """Count the rows, at most COUNTED; answered from the index alone when the project is the only condition."""
    bounded = sa.select(AuditLog.id).where(*where).limit(COUNTED).subquery()
    return session.execute(sa.select(sa.func.count()).select_from(bounded)).scalar_one()


def _page(session: Session, where: list[ColumnElement[bool]], query: ListQuery) -> tuple[list[AuditView], bool]:
    """Return the rows of the page, and whether others follow.

    Selects the keys first, from the index alone when sorted by time, so that skipped rows are never read.
    """
    ordered = _order(query)
    keys = paged(sa.select(AuditLog.op_time, AuditLog.id).where(*where).order_by(*ordered), query.page)
    keys = keys.limit(query.page.size + 1)
    key = keys.subquery()
    rows = _ROWS.join(key, sa.and_(AuditLog.op_time == key.c.op_time, AuditLog.id == key.c.id))
    views = [AuditView(**row._asdict()) for row in session.execute(rows.order_by(*ordered))]
    return views[: query.page.size], len(views) > query.page.size


def _order(query: ListQuery) -> list[sa.SQLColumnExpression[Any]]:
    known = [key for key in query.sort if key.key in _COLUMNS]
    descending = not known or (known[0].key == _TIME and known[0].descending)
    tie = AuditLog.id.desc() if descending else AuditLog.id.asc()
    return order(query.sort, _COLUMNS, (AuditLog.op_time.desc(), AuditLog.id.desc()), tie)


_ROWS = sa.select(
    AuditLog.id,
    AuditLog.op_time,
    AuditLog.username,
    AuditLog.operation,
    AuditLog.resource_type,
    AuditLog.resource,
    AuditLog.success,
)
