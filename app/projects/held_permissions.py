"""The caller's permissions in the system or a project, in the form of Harbor's API."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from app.access.decision import may_in_project, may_in_system
from app.access.roles import Role
from app.access.table import PROJECT_ROLES, SYSTEM_ADMINISTRATOR
from app.context import Context
from app.projects.rights import project_or_none, roles_in

_SYSTEM: Final = "/system"
_PROJECT: Final = re.compile(r"/project/([+-]?[0-9]{1,19})(?:/|\Z)")
_LARGEST: Final = 2**63 - 1
_ITSELF: Final = "project"
_NO_ROLES: Final[frozenset[Role]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPermission:
    """An action on a resource: a name like ``user`` in the system, a path like ``/project/1/member`` in a project."""

    resource: str
    action: str


class HeldPermissionService:
    """The use case of the caller's own permissions."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def held(self, scope: str) -> list[HeldPermission]:
        """Return the caller's permissions in ``/system`` or ``/project/<id>``; an empty list for any other scope.

        In a project that does not exist, a system administrator has all permissions and other callers none.
        """
        if scope.startswith(_SYSTEM):
            return self._in_system()
        match = _PROJECT.match(scope)
        return self._in_project(int(match[1])) if match and abs(int(match[1])) <= _LARGEST else []

    def _in_system(self) -> list[HeldPermission]:
        return [
            HeldPermission(resource=resource, action=action)
            for resource, actions in SYSTEM_ADMINISTRATOR.items()
            for action in actions
            if may_in_system(self._ctx.principal, resource, action)
        ]

    def _in_project(self, project_id: int) -> list[HeldPermission]:
        principal, name, roles = self._ctx.principal, "", _NO_ROLES
        if not principal.sysadmin:
            with self._ctx.read() as session:
                project = project_or_none(session, project_id)
                if project is None:
                    return []
                name, roles = project.name, roles_in(session, principal, project)
        root = f"/project/{project_id}"
        return [
            HeldPermission(resource=root if resource == _ITSELF else f"{root}/{resource}", action=action)
            for resource, action in PROJECT_ROLES
            if may_in_project(principal, name, roles, resource, action)
        ]


def relative_to(scope: str, permissions: Iterable[HeldPermission]) -> list[HeldPermission]:
    """Return the permissions within ``scope``, without that prefix in their resources; ``.`` for the scope itself.

    Permissions of the system have no prefix and are returned unchanged.
    """
    if scope.startswith(_SYSTEM):
        return list(permissions)
    return [
        HeldPermission(resource=held.resource.removeprefix(scope).removeprefix("/") or ".", action=held.action)
        for held in permissions
        if held.resource.startswith(scope)
    ]
