"""The projects that a caller sees: public and own ones, all for an administrator, granted ones for a robot."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from app.access.principals import Principal, PrincipalKind
from app.identity import people
from app.projects.candidates import GROUP, USER
from app.projects.models import Project, ProjectMember

_EVERYTHING: Final = "*"


def seen_projects(principal: Principal) -> ColumnElement[bool]:
    """Return the condition on Project that selects what the caller sees."""
    if sees_all(principal):
        return sa.true()
    if principal.kind is PrincipalKind.ROBOT:
        return sa.or_(Project.public, Project.name.in_({space for space, _, _ in principal.grants} - {"/"}))
    if principal.kind is PrincipalKind.USER:
        return seen_by(sa.literal(principal.id, sa.BigInteger))
    return Project.public.is_(sa.true())


def sees_all(principal: Principal) -> bool:
    """Tell whether the caller sees every project."""
    if principal.kind is PrincipalKind.ROBOT:
        spaces = {space for space, _, _ in principal.grants}
        return _EVERYTHING in spaces or ("/", "project", "list") in principal.grants
    return principal.sysadmin


def seen_by(user: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition on Project that selects what a user without administrator rights sees."""
    return sa.or_(Project.public, Project.id.in_(projects_of(user)))


def projects_of(user: ColumnElement[int], *held: ColumnElement[bool]) -> sa.CompoundSelect[int]:
    """Return the statement for the ids of the projects of which the user is a member, directly or through groups.

    ``held`` are conditions on the memberships, such as their roles.
    """
    own = ProjectMember.entity_type == USER, ProjectMember.entity_id == user
    through = ProjectMember.entity_type == GROUP, ProjectMember.entity_id.in_(people.groups_of(user))
    return sa.union_all(*(sa.select(ProjectMember.project_id).where(*held, *of) for of in (own, through)))


def count_of_seen_by(user: ColumnElement[int]) -> sa.Select[int]:
    """Return the statement for the number of projects that the user sees; a union is faster than a filter."""
    seen = sa.union(sa.select(Project.id).where(Project.public), *projects_of(user).selects).subquery("seen")
    return sa.select(sa.func.count().label("total")).select_from(seen)
