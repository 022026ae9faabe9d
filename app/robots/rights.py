"""The rights to manage robots, and the limits of the grants and roles that a caller may give."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import may_in_project, require_authenticated, require_in_system
from app.access.limits import require_role_held, rights_of
from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.context import Context
from app.core.errors import DeniedError, NotFoundError, RobotDenied
from app.identity import people
from app.projects.rights import ProjectRef, administers_any, project_or_none, require_in_project, roles_in
from app.robots.grants import EVERY_PROJECT, SYSTEM_SPACE, Grant, holds
from app.robots.models import Robot, RobotPermission
from app.robots.rules import NEVER

_MEMBER: Final = "member"
_LONGEST_LINE: Final = 32
"""The longest chain of robots that created each other for which a person vouches."""
_PUBLIC: Final = frozenset({Role.PUBLIC})


def require_in_space(ctx: Context, project_id: int | None, action: str) -> None:
    """Raise unless the caller may do ``action`` on the robots of a project, of the system for None."""
    if project_id is None:
        require_in_system(ctx.principal, "robot", action)
    else:
        require_in_project(ctx, project_id, "robot", action)


def require_on_robot(ctx: Context, robot_id: int, action: str, project_key: str | int | None = None) -> None:
    """Raise unless the caller may do ``action`` on the robot; NotFoundError without it, or without it in the project.

    The error does not reveal the robot's project.
    """
    require_authenticated(ctx.principal)
    project = None if project_key is None else require_in_project(ctx, project_key, "robot", action)
    with ctx.read() as session:
        row = session.execute(sa.select(Robot.project_id).where(Robot.id == robot_id)).one_or_none()
    if row is None or (project and project.id != row.project_id):
        raise NotFoundError(f"robot account {robot_id} not found")
    if project is None:
        try:
            require_in_space(ctx, row.project_id, action)
        except DeniedError:
            raise DeniedError(f"unauthorized to {action} robot {robot_id}") from None


def require_editable(robot: Robot) -> Robot:
    """Return the robot; raise RobotDenied for one from an old installation, which may only be deleted."""
    if not robot.editable:
        raise RobotDenied("this robot account cannot be edited")
    return robot


def require_grants_shown(ctx: Context) -> None:
    """Raise unless the caller, as an administrator of the system or a project, may see what robots can be granted."""
    require_authenticated(ctx.principal)
    if not ctx.principal.sysadmin and not administers_any(ctx):
        raise DeniedError("only administrators may see what robots can be granted")


def require_held(session: Session, principal: Principal, grants: Sequence[Grant]) -> None:
    """Raise RobotDenied that names the first grant beyond the caller's own rights."""
    roles = {space: _roles(session, principal, space) for space in dict.fromkeys(grant[0] for grant in grants)}
    for grant in grants:
        if not holds(principal, roles[grant[0]], grant):
            namespace, resource, action = grant
            raise RobotDenied(f"{resource}:{action} in namespace {namespace} is more than the caller may do")


def require_role_to_give(ctx: Context, project_id: int, role: int, action: str) -> None:
    """Raise RobotDenied for a robot that gives a role by ``action`` (create, update) on members without the right to.

    A robot may give a role whose rights it has, as far as robots can have them. It may also give one for which a person
    vouches: the person who created it, directly or through other robots, may give the role in this project and is not
    disabled, and every robot in between is valid and may do ``action`` on members.
    """
    principal = ctx.principal
    if principal.kind is not PrincipalKind.ROBOT:
        return
    with ctx.read() as session:
        project = project_or_none(session, project_id)
    if project is None:
        return
    try:
        require_role_held(principal, project.name, role)
    except RobotDenied:
        if not _is_vouched_for(ctx, principal.id, project, role, action):
            raise


def _is_vouched_for(ctx: Context, robot_id: int, project: ProjectRef, role: int, action: str) -> bool:
    with ctx.read() as session:
        now = ctx.ports.clock.now().timestamp()
        for _ in range(_LONGEST_LINE):
            robot = session.get(Robot, robot_id)
            if robot is None or robot.disabled or NEVER != robot.expires_at <= now:
                return False
            if not _holds(session, robot_id, project.name, action):
                return False
            if robot.creator_type != PrincipalKind.ROBOT:
                person = people.person_or_none(session, robot.creator_ref)
                return person is not None and _may_give(session, person, project, role, action)
            robot_id = robot.creator_ref
        return False


def _may_give(session: Session, person: Principal, project: ProjectRef, role: int, action: str) -> bool:
    roles = roles_in(session, person, project) - _PUBLIC
    needed = [(_MEMBER, action), *rights_of(role)]
    return all(may_in_project(person, project.name, roles, *right) for right in needed)


def _holds(session: Session, robot_id: int, project: str, action: str) -> bool:
    grants = sa.select(RobotPermission.id).where(
        RobotPermission.robot_id == robot_id,
        RobotPermission.namespace.in_((project, EVERY_PROJECT)),
        RobotPermission.resource == _MEMBER,
        RobotPermission.action == action,
    )
    return session.execute(grants.limit(1)).first() is not None


def _roles(session: Session, principal: Principal, space: str) -> frozenset[Role]:
    if principal.kind is not PrincipalKind.USER or principal.sysadmin or space in (SYSTEM_SPACE, EVERY_PROJECT):
        return frozenset()
    project = project_or_none(session, space)
    return roles_in(session, principal, project) if project else frozenset()
