"""Reads the audit log."""

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
"""A total above this is not counted to its end."""
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
    """The use cases of reading the audit log, in the name of the context's principal."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def list_in(self, project_name: str, query: ListQuery) -> Listed[AuditView]:
        """A page of what happened in the project, newest first unless the query says otherwise; needs log:list there.

        The total is exact up to COUNTED. Of a longer list it is at least that, and more than the rows up to this page
        when others follow, so that a client that turns pages gets to the end. InvalidError when a value of the query
        does not fit its column.
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
    """How many rows there are, at most COUNTED; the index alone tells when only the project is asked for."""
    bounded = sa.select(AuditLog.id).where(*where).limit(COUNTED).subquery()
    return session.execute(sa.select(sa.func.count()).select_from(bounded)).scalar_one()


def _page(session: Session, where: list[ColumnElement[bool]], query: ListQuery) -> tuple[list[AuditView], bool]:
    """The page, and whether rows follow.

    Its keys are found first, by index alone when time is the order, so that what is skipped is never read.
    """
    ordered = _order(query)
    keys = paged(sa.select(AuditLog.op_time, AuditLog.id).where(*where).order_by(*ordered), query.page)
    keys = keys.limit(query.page.size + 1)
    found = keys.subquery()
    rows = _ROWS.join(found, sa.and_(AuditLog.op_time == found.c.op_time, AuditLog.id == found.c.id))
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
