"""What the caller may do in a place of the product, written as clients read it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from app.access.decision import may_in_project, may_in_system
from app.access.roles import Role
from app.access.table import PROJECT_ROLES, SYSTEM_ADMINISTRATOR
from app.context import Context
from app.projects.rights import find_project, roles_in

_SYSTEM: Final = "/system"
_PROJECT: Final = re.compile(r"/project/([+-]?[0-9]{1,19})(?:/|\Z)")
_LARGEST: Final = 2**63 - 1
_ITSELF: Final = "project"
_NO_ROLES: Final[frozenset[Role]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPermission:
    """An action on a resource: ``user`` of the system, or a path, ``/project/1/member``, ``/project/1`` itself."""

    resource: str
    action: str


class HeldPermissionService:
    """The caller's own permissions."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def held(self, scope: str) -> list[HeldPermission]:
        """All that the caller may do in ``/system`` or ``/project/<id>``; nothing for any other scope.

        A project that does not exist gives nobody anything, but a system administrator everything.
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
                project = find_project(session, project_id)
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
    """The permissions with ``scope`` taken off their resources, ``.`` for itself; those elsewhere are left out.

    Those of the system have no prefix in the first place.
    """
    if scope.startswith(_SYSTEM):
        return list(permissions)
    return [
        HeldPermission(resource=one.resource.removeprefix(scope).removeprefix("/") or ".", action=one.action)
        for one in permissions
        if one.resource.startswith(scope)
    ]
