"""Which roles a robot may give: those that it holds itself, and those that whoever made it may give at this moment."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import may_in_project
from app.access.limits import refuse_role_not_held, rights_of
from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.context import Context
from app.core.errors import RobotDenied
from app.identity import people
from app.projects.rights import ProjectRef, find_project, roles_in
from app.robots.grants import EVERY_PROJECT
from app.robots.lifetime import NEVER
from app.robots.models import Robot, RobotPermission

_MEMBER: Final = "member"
_LONGEST_LINE: Final = 32
"""Robots that made one another; nobody vouches for what is further away."""
_PUBLIC: Final = frozenset({Role.PUBLIC})


def require_role_to_give(ctx: Context, project_id: int, role: int, action: str) -> None:
    """Raise RobotDenied for a robot that gives a role by ``action`` (create, update) on members, unless it may.

    It may when it holds what the role holds, as far as robots can hold it; or when the person it goes back to exists,
    is not disabled, and may give that role in this project, and every robot between them stands and may do so too.
    """
    principal = ctx.principal
    if principal.kind is not PrincipalKind.ROBOT:
        return
    project = find_project(ctx.session, project_id)
    if project is None:
        return
    try:
        refuse_role_not_held(principal, project.name, role)
    except RobotDenied:
        if not _vouched(ctx, principal.id, project, role, action):
            raise


def _vouched(ctx: Context, robot_id: int, project: ProjectRef, role: int, action: str) -> bool:
    session, now = ctx.session, ctx.ports.clock.now().timestamp()
    for _ in range(_LONGEST_LINE):
        robot = session.get(Robot, robot_id)
        if robot is None or robot.disabled or NEVER != robot.expires_at <= now:
            return False
        if not _holds(session, robot_id, project.name, action):
            return False
        if robot.creator_type != PrincipalKind.ROBOT:
            person = people.person(session, robot.creator_ref)
            return person is not None and _may_give(session, person, project, role, action)
        robot_id = robot.creator_ref
    return False


def _may_give(session: Session, person: Principal, project: ProjectRef, role: int, action: str) -> bool:
    roles = roles_in(session, person, project) - _PUBLIC
    needed = [(_MEMBER, action), *rights_of(role)]
    return all(may_in_project(person, project.name, roles, *right) for right in needed)


def _holds(session: Session, robot_id: int, project: str, action: str) -> bool:
    found = sa.select(RobotPermission.id).where(
        RobotPermission.robot_id == robot_id,
        RobotPermission.namespace.in_((project, EVERY_PROJECT)),
        RobotPermission.resource == _MEMBER,
        RobotPermission.action == action,
    )
    return session.execute(found.limit(1)).first() is not None
