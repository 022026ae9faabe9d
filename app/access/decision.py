"""The decision function: data in, yes or no out."""

from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.access.table import PROJECT_ROLES, SYSTEM_ADMINISTRATOR
from app.core.errors import DeniedError, UnauthenticatedError

_NOBODY: frozenset[Role] = frozenset()


def may_in_project(
    principal: Principal,
    project: str,
    roles: frozenset[Role],
    resource: str,
    action: str,
) -> bool:
    """Tell whether ``principal`` with ``roles`` in ``project`` (PUBLIC included on a public one) may do this there.

    A system administrator may everything everywhere; a robot holds its grants and what is public; deny by default.
    """
    if principal.sysadmin:
        return True
    holders = PROJECT_ROLES.get((resource, action), _NOBODY)
    if principal.kind is PrincipalKind.ROBOT:
        return _granted(principal, project, resource, action) or (Role.PUBLIC in roles and Role.PUBLIC in holders)
    return not holders.isdisjoint(roles)


def may_in_system(principal: Principal, resource: str, action: str) -> bool:
    """Tell whether ``principal`` may do this at system level: administrators, and robots that were granted it."""
    if principal.kind is PrincipalKind.ROBOT:
        return ("/", resource, action) in principal.grants
    return principal.sysadmin


def require_authenticated(principal: Principal) -> None:
    """Raise UnauthenticatedError for an anonymous caller."""
    if not principal.authenticated:
        raise UnauthenticatedError


def require_in_system(principal: Principal, resource: str, action: str) -> None:
    """Raise unless the caller may do this at system level: UnauthenticatedError when anonymous, else DeniedError."""
    if may_in_system(principal, resource, action):
        return
    require_authenticated(principal)
    raise DeniedError(f"unauthorized to {action} {resource}")


def held_in_system(principal: Principal) -> dict[str, tuple[str, ...]]:
    """Return what a user holds at system level, resource -> actions."""
    return SYSTEM_ADMINISTRATOR if principal.sysadmin else {}


def _granted(principal: Principal, project: str, resource: str, action: str) -> bool:
    wanted = {(resource, action)} | ({(resource, "push")} if (resource, action) == ("repository", "pull") else set())
    return any((space, *pair) in principal.grants for space in (project, "*") for pair in wanted)
