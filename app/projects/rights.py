"""What a caller may do in a project: the one place that turns memberships into answers and refusals."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import may_in_project
from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.context import Context
from app.core.errors import DeniedError, ProjectUnknown, UnauthenticatedError
from app.db.database import Database
from app.identity import directory
from app.projects.models import Project, ProjectMember


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRef:
    """The facts about a project that rights and content need."""

    id: int
    name: str
    public: bool
    owner_id: int


def find_project(session: Session, key: str | int) -> ProjectRef | None:
    """The project of this name (text) or id (number), None when there is none."""
    row = session.connection().execute(_BY_ID if isinstance(key, int) else _BY_KEY, {"key": key}).one_or_none()
    return row and ProjectRef(id=row.id, name=row.name, public=row.public, owner_id=row.owner_id)


def project_id(db: Database, name: str) -> int | None:
    """The id of the project of this name, None when there is none; one query on the kept connection."""
    rows = db.rows(_BY_NAME, {"name": name})
    return rows[0].id if rows else None


def roles_in(session: Session, principal: Principal, project: ProjectRef) -> frozenset[Role]:
    """The roles the caller holds there, PUBLIC included on a public project."""
    roles = {Role.PUBLIC} if project.public else set()
    if principal.kind is PrincipalKind.USER:
        held = session.connection().execute(_ROLES, {"project": project.id, "user": principal.id}).scalars()
        roles.update(Role(role) for role in held)
    return frozenset(roles)


def may(session: Session, principal: Principal, project: ProjectRef, resource: str, action: str) -> bool:
    """Tell whether the caller may do this in the project."""
    return may_in_project(principal, project.name, roles_in(session, principal, project), resource, action)


def require(ctx: Context, key: str | int, resource: str, action: str) -> ProjectRef:
    """Return the project, or refuse so that existence does not leak.

    A missing project is 401 for anonymous, denied for an ordinary caller, ProjectUnknown for an administrator; a right
    not held is UnauthenticatedError for anonymous, DeniedError else.
    """
    with ctx.read() as session:
        project = find_project(session, key)
        if project is not None and may(session, ctx.principal, project, resource, action):
            return project
    if not ctx.principal.authenticated:
        raise UnauthenticatedError
    if project is None and ctx.principal.sysadmin:
        raise ProjectUnknown(f"project {key} not found")
    raise DeniedError(f"unauthorized to access {resource} of project {key}: action: {action}")


_BY_NAME = sa.select(Project.id).where(Project.name == sa.bindparam("name"))
_REF = sa.select(Project.id, Project.name, Project.public, Project.owner_id)
_BY_ID = _REF.where(Project.id == sa.bindparam("key"))
_BY_KEY = _REF.where(Project.name == sa.bindparam("key"))
_ROLES = sa.union_all(
    sa.select(ProjectMember.role).where(
        ProjectMember.project_id == sa.bindparam("project"),
        ProjectMember.entity_type == "u",
        ProjectMember.entity_id == sa.bindparam("user"),
    ),
    sa.select(ProjectMember.role).where(
        ProjectMember.project_id == sa.bindparam("project"),
        ProjectMember.entity_type == "g",
        ProjectMember.entity_id.in_(directory.groups_of(sa.bindparam("user"))),
    ),
)
"""Own roles, and those of the groups that the user belongs to."""
