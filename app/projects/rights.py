"""The rights of callers in projects, decided from their memberships."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import may_in_project, require_authenticated
from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.context import Context
from app.core.errors import DeniedError, ProjectUnknown
from app.db.parts import parts
from app.db.plans import run
from app.identity import people
from app.projects.models import Project, ProjectMember

_NO_ROLES: Final[frozenset[Role]] = frozenset()
_Rows = Callable[[sa.Executable, Mapping[str, Any]], Sequence[sa.Row[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRef:
    """The facts about a project that decide rights."""

    id: int
    name: str
    public: bool
    owner_id: int


def project_or_none(session: Session, key: str | int) -> ProjectRef | None:
    """Return the project of this name (text) or id (number), None when there is none."""
    return _ref(run(session, *_statement_for(key)))


def find_projects(session: Session, names: Iterable[str]) -> list[ProjectRef]:
    """Return the existing projects of these names."""
    return [ProjectRef(**row._asdict()) for part in parts(names) for row in run(session, _BY_NAMES, {"names": part})]


def project_id_or_none(ctx: Context, name: str) -> int | None:
    """Return the id of the project of this name, None when there is none; one query on the kept connection."""
    rows = ctx.prepared_rows(_BY_NAME, {"name": name})
    return rows[0].id if rows else None


def roles_in(session: Session, principal: Principal, project: ProjectRef) -> frozenset[Role]:
    """Return the caller's roles in the project, with PUBLIC for a public project."""
    return _roles(partial(run, session), principal, project)


def may(session: Session, principal: Principal, project: ProjectRef, resource: str, action: str) -> bool:
    """Tell whether the caller may do ``action`` on ``resource`` in the project."""
    return may_in_project(principal, project.name, roles_in(session, principal, project), resource, action)


def require_in_project(ctx: Context, key: str | int, resource: str, action: str) -> ProjectRef:
    """Return the project if the caller may do ``action`` on ``resource``, else raise without revealing what exists.

    Raises UnauthenticatedError for an anonymous caller, DeniedError for a missing right or project, ProjectUnknown
    for a system administrator when there is no such project.
    """
    principal = ctx.principal
    project = _ref(ctx.prepared_rows(*_statement_for(key)))
    if project is not None:
        roles = _NO_ROLES if principal.sysadmin else _roles(ctx.prepared_rows, principal, project)
        if may_in_project(principal, project.name, roles, resource, action):
            return project
    require_authenticated(principal)
    if project is None and principal.sysadmin:
        raise ProjectUnknown(f"project {key} not found")
    raise DeniedError(f"unauthorized to access {resource} of project {key}: action: {action}")


def administers_any(ctx: Context) -> bool:
    """Tell whether the caller administers any project, directly or through a group."""
    principal = ctx.principal
    return principal.kind is PrincipalKind.USER and bool(ctx.rows(_ADMINISTERED, {"user": principal.id}))


def _statement_for(key: str | int) -> tuple[sa.Executable, dict[str, str | int]]:
    return _BY_ID if isinstance(key, int) else _BY_KEY, {"key": key}


def _ref(rows: Sequence[sa.Row[Any]]) -> ProjectRef | None:
    return next((ProjectRef(**row._asdict()) for row in rows), None)


def _roles(rows: _Rows, principal: Principal, project: ProjectRef) -> frozenset[Role]:
    roles = {Role.PUBLIC} if project.public else set()
    if principal.kind is PrincipalKind.USER:
        held = rows(_ROLES, {"project": project.id, "user": principal.id})
        roles.update(Role(row.role) for row in held)
    return frozenset(roles)


_BY_NAME = sa.select(Project.id).where(Project.name == sa.bindparam("name"))
_REF = sa.select(Project.id, Project.name, Project.public, Project.owner_id)
_BY_ID = _REF.where(Project.id == sa.bindparam("key"))
_BY_NAMES = _REF.where(Project.name.in_(sa.bindparam("names", expanding=True)))
_BY_KEY = _REF.where(Project.name == sa.bindparam("key"))
_ROLES = sa.select(
    sa.union_all(
        sa.select(ProjectMember.role).where(
            ProjectMember.project_id == sa.bindparam("project"),
            ProjectMember.entity_type == "u",
            ProjectMember.entity_id == sa.bindparam("user"),
        ),
        sa.select(ProjectMember.role).where(
            ProjectMember.project_id == sa.bindparam("project"),
            ProjectMember.entity_type == "g",
            ProjectMember.entity_id.in_(people.groups_of(sa.bindparam("user"))),
        ),
    ).subquery("held")
)
"""The roles of a user, own ones and those through groups."""
_ADMINISTERED = (
    sa.select(ProjectMember.id)
    .where(
        ProjectMember.role == int(Role.PROJECT_ADMIN),
        sa.or_(
            sa.and_(ProjectMember.entity_type == "u", ProjectMember.entity_id == sa.bindparam("user")),
            sa.and_(
                ProjectMember.entity_type == "g",
                ProjectMember.entity_id.in_(people.groups_of(sa.bindparam("user"))),
            ),
        ),
    )
    .limit(1)
)
