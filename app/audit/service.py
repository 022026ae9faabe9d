"""Read the audit log: of a project, and of everything that the caller may read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from app.access.decision import may_in_system, require_authenticated, require_in_system
from app.audit.models import AuditLog
from app.audit.results import AuditView, EventType
from app.context import Context
from app.core.paging import Listed
from app.core.query import ListQuery, SortKey
from app.db.listing import Columns, conditions, ends, order, paged, windowed
from app.events.catalog import audit_types
from app.projects.models import Project
from app.projects.permitted import everywhere, permitted_projects
from app.projects.rights import require_in_project

COUNTED: Final = 10_000
"""Totals are exact up to this number, and so many of the newest rows can be sorted by other columns than time."""
_FROM_EACH: Final = 1_000
"""The most rows that are taken from each of a caller's projects to find the newest of all."""
_FILTERS: Final = ("id", "username", "resource", "resource_type", "operation", "op_time")
_TIME: Final = "op_time"
_Where = Sequence[ColumnElement[bool]]
_Order = Sequence[sa.SQLColumnExpression[Any]]


class AuditService:
    """Reads the audit log with the rights of the context's principal.

    The total of a list is exact up to COUNTED. For a longer list it is at least COUNTED, and exceeds the rows up to the
    page as long as others follow, so that clients that follow the pages reach the end. A list that is sorted by another
    column than the time holds the newest COUNTED rows. All raise InvalidError when a value of the query does not fit
    its column.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def list_in(self, project_name: str, query: ListQuery) -> Listed[AuditView]:
        """Return a page of the project's audit log, newest first unless the query sorts it; needs log:list there."""
        project = require_in_project(self._ctx, project_name, "log", "list")
        if _is_plain(query):
            return self._newest(query, _OF_PROJECT, {"project": project.id})
        return self._list(query, [AuditLog.project_id == project.id], None)

    def list_readable(self, query: ListQuery) -> Listed[AuditView]:
        """Return a page of all rows that the caller may read, newest first unless the query sorts it.

        They are everything for an administrator and for a robot with audit-log:list, else the rows of the projects in
        which the caller holds log:list. Raises UnauthenticatedError for an anonymous caller.
        """
        principal = self._ctx.principal
        require_authenticated(principal)
        if may_in_system(principal, "audit-log", "list"):
            return self._newest(query, _OF_ALL, {}) if _is_plain(query) else self._list(query, [], None)
        if everywhere(principal, "log", "list"):
            return self._list(query, [AuditLog.project_id > 0], None)
        projects = sa.select(Project.id).where(permitted_projects(principal, "log", "list"))
        if not self._ctx.rows(projects.limit(1), {}):
            return Listed(items=(), total=0, page=query.page)
        return self._list(query, [AuditLog.project_id.in_(projects)], projects)

    def event_types(self) -> list[EventType]:
        """Return the types of all rows, in the words of ``disabled_audit_log_event_types``; needs audit-log:list."""
        require_in_system(self._ctx.principal, "audit-log", "list")
        return [EventType(event_type=name) for name in audit_types()]

    def _newest(self, query: ListQuery, statements: "_Statements", values: dict[str, object]) -> Listed[AuditView]:
        """Return a page of a list without filters, by prepared statements."""
        counted = self._ctx.rows(statements.count, values)[0].total
        if query.page.offset >= counted < COUNTED:
            return Listed(items=(), total=counted, page=query.page)
        window = {**values, **ends(query.page), "limit": query.page.size + 1}
        views = [AuditView(**row._asdict()) for row in self._ctx.rows(statements.page, window)]
        return _listed(query, views, counted)

    def _list(self, query: ListQuery, scope: _Where, projects: sa.Select[int] | None) -> Listed[AuditView]:
        where = [*scope, *conditions(query, _columns(AuditLog))]
        with self._ctx.read() as session:
            counted = _counted(session, where)
            if query.page.offset >= counted < COUNTED:
                return Listed(items=(), total=counted, page=query.page)
            return _listed(query, _page(session, query, self._keys(query, where, projects)), counted)

    def _keys(self, query: ListQuery, where: _Where, projects: sa.Select[int] | None) -> sa.Select[Any]:
        """Return the statement for the keys of the rows up to the page's last and one more."""
        through = query.page.offset + query.page.size + 1
        if not _by_time(query.sort):
            newest = _select_keys(AuditLog, where, _NEWEST).limit(COUNTED).subquery()
            return sa.select(AuditLog).join(newest, _same_row(AuditLog, newest.c))
        by_user = any(term.key == "username" for term in query.terms)
        if projects is None or by_user or through > _FROM_EACH:
            return sa.select(AuditLog).where(*where)
        make = _of_each_on_sqlite if self._ctx.ports.db.sqlite else _of_each_on_postgresql
        return make(projects.subquery("readable"), query, through)


def _of_each_on_postgresql(projects: sa.Subquery, query: ListQuery, through: int) -> sa.Select[Any]:
    """Return the statement for the first rows of each project."""
    log = aliased(AuditLog)
    where = log.project_id == projects.c.id, *conditions(query, _columns(log))
    first = _select_keys(log, where, _ordered(query, log)).limit(through).correlate(projects).lateral("first_of_each")
    return sa.select(AuditLog).select_from(projects).join(first, sa.true()).join(AuditLog, _same_row(AuditLog, first.c))


def _of_each_on_sqlite(projects: sa.Subquery, query: ListQuery, through: int) -> sa.Select[Any]:
    """Return the statement for the first rows of each project, by row numbers, as SQLite has no LATERAL."""
    log = aliased(AuditLog, name="log")
    where = log.project_id == projects.c.id, *conditions(query, _columns(log))
    row = sa.literal_column("log.rowid", sa.Integer)
    first: sa.Select[int] = sa.select(row).select_from(log).where(*where).order_by(*_ordered(query, log))
    rows = sa.literal_column("audit_log.rowid").in_(first.limit(through).correlate(projects))
    return sa.select(AuditLog).select_from(projects).join(AuditLog, rows)


def _counted(session: Session, where: _Where) -> int:
    """Count the rows, at most COUNTED; answered from an index alone when project, user and time are the conditions."""
    bounded = sa.select(AuditLog.id).where(*where).limit(COUNTED).subquery()
    return session.execute(sa.select(sa.func.count()).select_from(bounded)).scalar_one()


def _listed(query: ListQuery, views: list[AuditView], counted: int) -> Listed[AuditView]:
    """Return the page of ``views``, which hold one row more if others follow.

    A page beyond the end has none, and its number tells nothing of the total.
    """
    total = max(counted, query.page.offset + len(views)) if views else counted
    return Listed(items=views[: query.page.size], total=total, page=query.page)


def _is_plain(query: ListQuery) -> bool:
    """Tell whether the query neither filters nor sorts."""
    return not query.terms and not query.sort


def _page(session: Session, query: ListQuery, matching: sa.Select[Any]) -> list[AuditView]:
    """Return the rows of the page, and one more if others follow.

    Selects the keys first, from the index alone when sorted by time, so that skipped rows are never read.
    """
    ordered = _ordered(query, AuditLog)
    keys = paged(matching.with_only_columns(AuditLog.op_time, AuditLog.id).order_by(*ordered), query.page)
    key = keys.limit(query.page.size + 1).subquery("page")
    rows = _ROWS.join(key, _same_row(AuditLog, key.c))
    return [AuditView(**row._asdict()) for row in session.execute(rows.order_by(*ordered))]


def _ordered(query: ListQuery, log: Any) -> _Order:  # noqa: ANN401 - the table or an alias of it
    columns = _columns(log)
    known = [key for key in query.sort if key.key in columns]
    descending = not known or (known[0].key == _TIME and known[0].descending)
    tie = log.id.desc() if descending else log.id.asc()
    return order(query.sort, columns, (log.op_time.desc(), log.id.desc()), tie)


def _by_time(sort: Sequence[SortKey]) -> bool:
    known = [key.key for key in sort if key.key in _columns(AuditLog)]
    return known[:1] in ([], [_TIME])


def _columns(log: Any) -> Columns:  # noqa: ANN401 - the table or an alias of it
    return {**{name: getattr(log, name) for name in _FILTERS}, "operation_result": log.success}


def _select_keys(log: Any, where: _Where, ordered: _Order) -> sa.Select[Any]:  # noqa: ANN401 - the table or an alias of it
    return sa.select(log.op_time, log.id).where(*where).order_by(*ordered)


def _same_row(log: Any, key: Any) -> ColumnElement[bool]:  # noqa: ANN401 - the table or an alias of it, and columns
    return sa.and_(log.op_time == key.op_time, log.id == key.id)


_NEWEST: Final = AuditLog.op_time.desc(), AuditLog.id.desc()
_ROWS = sa.select(
    AuditLog.id,
    AuditLog.op_time,
    AuditLog.username,
    AuditLog.operation,
    AuditLog.resource_type,
    AuditLog.resource,
    AuditLog.success,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statements:
    """The statements of a list without filters, newest rows first: its number of rows, and a page."""

    count: sa.Select[int]
    page: sa.Select[*tuple[Any, ...]]


def _prepared(*where: ColumnElement[bool]) -> _Statements:
    bounded = sa.select(AuditLog.id).where(*where).limit(sa.literal(COUNTED, sa.Integer)).subquery()
    key = windowed(_select_keys(AuditLog, where, _NEWEST)).subquery("page")
    return _Statements(
        count=sa.select(sa.func.count().label("total")).select_from(bounded),
        page=_ROWS.join(key, _same_row(AuditLog, key.c)).order_by(*_NEWEST),
    )


_OF_ALL: Final = _prepared()
_OF_PROJECT: Final = _prepared(AuditLog.project_id == sa.bindparam("project", type_=sa.BigInteger))
