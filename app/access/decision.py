"""Decide whether a caller may perform an action on a resource, from its roles and grants alone."""

from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.access.table import PROJECT_ROLES, SYSTEM_ADMINISTRATOR
from app.core.errors import DeniedError, UnauthenticatedError

_NO_ROLES: frozenset[Role] = frozenset()


def may_in_project(
    principal: Principal,
    project: str,
    roles: frozenset[Role],
    resource: str,
    action: str,
) -> bool:
    """Tell whether ``principal`` may do ``action`` on ``resource`` in ``project``.

    ``roles`` are its roles there, PUBLIC included when the project is public. A system administrator may do
    everything; a robot may do what it was granted and what PUBLIC may do; everything else is denied.
    """
    if principal.sysadmin:
        return True
    holders = PROJECT_ROLES.get((resource, action), _NO_ROLES)
    if principal.kind is PrincipalKind.ROBOT:
        return _granted(principal, project, resource, action) or (Role.PUBLIC in roles and Role.PUBLIC in holders)
    return not holders.isdisjoint(roles)


def may_in_system(principal: Principal, resource: str, action: str) -> bool:
    """Tell whether ``principal`` may do ``action`` on ``resource`` at system level.

    System administrators may do everything, robots what they were granted.
    """
    if principal.kind is PrincipalKind.ROBOT:
        return ("/", resource, action) in principal.grants
    return principal.sysadmin


def require_authenticated(principal: Principal) -> None:
    """Raise UnauthenticatedError for an anonymous caller."""
    if not principal.authenticated:
        raise UnauthenticatedError


def require_in_system(principal: Principal, resource: str, action: str) -> None:
    """Raise unless the caller may do ``action`` on ``resource`` at system level.

    UnauthenticatedError when the caller is anonymous, else DeniedError.
    """
    if may_in_system(principal, resource, action):
        return
    require_authenticated(principal)
    raise DeniedError(f"unauthorized to {action} {resource}")


def held_in_system(principal: Principal) -> dict[str, tuple[str, ...]]:
    """Return the caller's permissions at system level, resource -> actions; empty unless it is an administrator."""
    return SYSTEM_ADMINISTRATOR if principal.sysadmin else {}


def _granted(principal: Principal, project: str, resource: str, action: str) -> bool:
    rights = {(resource, action)} | ({(resource, "push")} if (resource, action) == ("repository", "pull") else set())
    return any((space, *right) in principal.grants for space in (project, "*") for right in rights)
