"""Limits on what a robot account may grant to others: no more, and no longer, than it holds itself."""

from app.access.decision import may_in_project
from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.access.table import PROJECT_ROLES, ROBOT_PROJECT
from app.core.errors import RobotDenied

_NO_ROLES: frozenset[Role] = frozenset()


def require_person_for_administrator(principal: Principal, *, administrator: bool) -> None:
    """Raise RobotDenied for a robot that would make an ``administrator`` or change an administrator's account."""
    if administrator and principal.kind is PrincipalKind.ROBOT:
        raise RobotDenied("a robot account cannot make an administrator of the system or change the account of one")


def require_role_held(principal: Principal, project: str, role: int) -> None:
    """Raise RobotDenied for a robot that would assign a ``role`` with more permissions than it has in the project.

    Only permissions that robots can be granted are compared. What PUBLIC may do does not count as the robot's own.
    """
    if principal.kind is not PrincipalKind.ROBOT:
        return
    for resource, action in rights_of(role):
        grantable = action in ROBOT_PROJECT.get(resource, ())
        if grantable and not may_in_project(principal, project, _NO_ROLES, resource, action):
            raise RobotDenied(f"the role includes {resource}:{action}, which is more than the robot account may do")


def rights_of(role: int) -> list[tuple[str, str]]:
    """Return the role's permissions as (resource, action)."""
    return [right for right, holders in PROJECT_ROLES.items() if Role(role) in holders]


def end_within_makers(principal: Principal, ends: int, *, chosen: bool) -> int:
    """Return when a robot made by this caller expires, in seconds since 1970 (-1 never): not after its maker.

    A default end is moved to the maker's own; RobotDenied when the caller has ``chosen`` a later one.
    """
    if principal.expires_at is None or 0 <= ends <= principal.expires_at:
        return ends
    if chosen:
        raise RobotDenied("a robot account cannot make another one that lasts longer than itself")
    return int(principal.expires_at)
