"""The list of projects and the view of one: a constant number of queries, counters from the rows."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.core.errors import ProjectUnknown
from app.core.paging import Listed
from app.core.query import AnyOf, Condition, Exact, ListQuery
from app.db.listing import Columns, conditions, counted, order, paged
from app.identity import directory
from app.projects.metadata import PUBLIC
from app.projects.models import Project, ProjectMember, ProjectMetadata
from app.projects.views import ProjectView, by_power

_COLUMNS: Columns = {
    "name": Project.name,
    "project_id": Project.id,
    "owner_id": Project.owner_id,
    "public": Project.public,
    "repo_count": Project.repo_count,
    "creation_time": Project.creation_time,
    "update_time": Project.update_time,
}
_EVERYTHING = "*"
_NOBODY = 0


def visible(session: Session, principal: Principal, query: ListQuery, *, detailed: bool) -> Listed[ProjectView]:
    """The page of projects that ``principal`` may see and the query wants; without detail no roles and no counter."""
    wanted = [seen_projects(principal), *conditions(query, _COLUMNS), *_special(session, query)]
    total = counted(session, sa.select(Project.id).where(*wanted))
    ordered = order(query.sort, _COLUMNS, (Project.name,), Project.id)
    rows = session.execute(paged(_ROWS.where(*wanted).order_by(*ordered), query.page)).all()
    return Listed(items=_views(session, principal, rows, detailed=detailed), total=total, page=query.page)


def view_of(session: Session, principal: Principal, project_id: int) -> ProjectView:
    """The project as ``principal`` sees it, whatever the rights; ProjectUnknown when it is gone."""
    rows = session.execute(_ROWS.where(Project.id == project_id)).all()
    if not rows:
        raise ProjectUnknown(f"project {project_id} not found")
    return _views(session, principal, rows, detailed=True)[0]


def _views(session: Session, principal: Principal, rows: Sequence[Any], *, detailed: bool) -> list[ProjectView]:
    ids = [row.id for row in rows]
    names = directory.names_of(session, {row.owner_id for row in rows})
    settings = _settings(session, ids)
    roles = _roles(session, principal, ids) if detailed else {}
    return [
        ProjectView(
            id=row.id,
            name=row.name,
            owner_id=row.owner_id,
            owner_name=names.get(row.owner_id, ""),
            creation_time=row.creation_time,
            update_time=row.update_time,
            metadata={PUBLIC: "true" if row.public else "false", **settings.get(row.id, {})},
            repo_count=row.repo_count if detailed else 0,
            roles=by_power(frozenset(roles.get(row.id, ()))),
        )
        for row in rows
    ]


def _settings(session: Session, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    settings: dict[int, dict[str, str]] = {}
    statement = sa.select(ProjectMetadata.project_id, ProjectMetadata.name, ProjectMetadata.value)
    for project_id, name, value in session.execute(statement.where(ProjectMetadata.project_id.in_(ids))):
        settings.setdefault(project_id, {})[name] = value
    return settings


def _roles(session: Session, principal: Principal, ids: Sequence[int]) -> dict[int, list[Role]]:
    if principal.kind is not PrincipalKind.USER:
        return {}
    roles: dict[int, list[Role]] = {}
    statement = sa.select(ProjectMember.project_id, ProjectMember.role).where(
        ProjectMember.project_id.in_(ids), *_is_member(principal.id)
    )
    for project_id, role in session.execute(statement):
        roles.setdefault(project_id, []).append(Role(role))
    return roles


def seen_projects(principal: Principal) -> ColumnElement[bool]:
    """The condition on Project that the caller sees it: public, own, all for an administrator, granted for a robot."""
    if principal.sysadmin:
        return sa.true()
    if principal.kind is PrincipalKind.ROBOT:
        spaces = {space for space, _, _ in principal.grants}
        if _EVERYTHING in spaces or ("/", "project", "list") in principal.grants:
            return sa.true()
        return sa.or_(Project.public, Project.name.in_(spaces - {"/"}))
    if principal.kind is PrincipalKind.USER:
        return sa.or_(Project.public, Project.id.in_(_projects_of(principal.id)))
    return Project.public.is_(sa.true())


def _special(session: Session, query: ListQuery) -> list[ColumnElement[bool]]:
    owners = [Project.owner_id.in_(_people(session, condition)) for condition in query.values("owner")]
    names = [Project.name.in_(_texts(condition)) for condition in query.values("names")]
    members = [
        Project.id.in_(_projects_of(person))
        for condition in query.values("member")
        for person in _people(session, condition) or [_NOBODY]
    ]
    return [*owners, *names, *members]


def _people(session: Session, condition: Condition) -> list[int]:
    ids = (directory.id_of(session, name) for name in _texts(condition))
    return [person for person in ids if person is not None]


def _texts(condition: Condition) -> list[str]:
    match condition:
        case Exact(value=value):
            return [str(value)]
        case AnyOf(values=values):
            return [str(value) for value in values]
        case _:
            return []


def _projects_of(user_id: int) -> sa.Select[int]:
    return sa.select(ProjectMember.project_id).where(*_is_member(user_id))


def _is_member(user_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ProjectMember.entity_type == "u", ProjectMember.entity_id == user_id


_ROWS = sa.select(
    Project.id,
    Project.name,
    Project.owner_id,
    Project.public,
    Project.repo_count,
    Project.creation_time,
    Project.update_time,
)
