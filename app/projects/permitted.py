"""The projects in which a caller may do something, as SQL: ``access.decision.may_in_project`` for lists."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.access.table import PROJECT_ROLES
from app.projects.models import Project, ProjectMember
from app.projects.visibility import projects_of

_EVERYTHING: Final = "*"


def everywhere(principal: Principal, resource: str, action: str) -> bool:
    """Tell whether the caller may do ``action`` on ``resource`` in every project."""
    if principal.kind is PrincipalKind.ROBOT:
        return (_EVERYTHING, resource, action) in principal.grants
    return principal.sysadmin


def permitted_projects(principal: Principal, resource: str, action: str) -> ColumnElement[bool]:
    """Return the condition on Project that selects those in which the caller may do ``action`` on ``resource``."""
    if everywhere(principal, resource, action):
        return sa.true()
    holders = PROJECT_ROLES.get((resource, action), frozenset())
    conditions: list[ColumnElement[bool]] = []
    if Role.PUBLIC in holders:
        conditions.append(Project.public.is_(sa.true()))
    if principal.kind is PrincipalKind.ROBOT:
        spaces = {space for space, *right in principal.grants if right == [resource, action]}
        conditions.append(Project.name.in_(sorted(spaces)))
    if principal.kind is PrincipalKind.USER:
        holding = ProjectMember.role.in_([int(role) for role in holders])
        conditions.append(Project.id.in_(projects_of(sa.literal(principal.id, sa.BigInteger), holding)))
    return sa.or_(sa.false(), *conditions)
