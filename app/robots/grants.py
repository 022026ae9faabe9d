"""What a robot may be granted, and by whom: rules without I/O, and the forms in which grants are written."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from app.access.decision import may_in_project, may_in_system
from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.access.table import ROBOT_PROJECT, ROBOT_SYSTEM
from app.core.errors import FieldInvalid, InvalidError

Grant = tuple[str, str, str]
"""Namespace, resource, action; as in ``Principal.grants``."""
SYSTEM_SPACE = "/"
EVERY_PROJECT = "*"
_EFFECTS = ("", "allow")
_OLD_RESOURCE = re.compile(r"/project/([0-9]{1,19})/([a-z-]+)")
_PUBLIC = frozenset({Role.PUBLIC})
MOST_ACCESSES: Final = 10_000
"""Of one robot, in all spaces together; each of its requests reads them."""


class Level(StrEnum):
    """Whether a robot belongs to the system or to a project."""

    SYSTEM = "system"
    PROJECT = "project"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedAction:
    """One action on one kind of resource."""

    resource: str
    action: str
    effect: str = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpacePermission:
    """What is granted in one space; ``kind`` is a Level, ``namespace`` is ``/``, ``*`` or a project's name."""

    kind: str
    namespace: str
    access: tuple[GrantedAction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantable:
    """Everything that can be granted at each level."""

    system: Sequence[GrantedAction]
    project: Sequence[GrantedAction]


def grantable() -> Grantable:
    """Return everything that a robot of each level can be granted."""
    return Grantable(system=_actions(ROBOT_SYSTEM), project=_actions(ROBOT_PROJECT))


def grants_of(level: Level, permissions: Sequence[SpacePermission]) -> tuple[Grant, ...]:
    """Return the grants of the entries in their order, none twice; InvalidError names an entry that is wrong.

    A project's robot has one entry, for a project by name; the system's may have one for the system and for projects.
    """
    if not permissions:
        raise InvalidError("permissions must not be empty")
    require_few(len(entry.access) for entry in permissions)
    if level is Level.PROJECT and (len(permissions) > 1 or permissions[0].namespace == EVERY_PROJECT):
        raise InvalidError("a robot of the level project has exactly one entry in permissions, for its own project")
    return tuple(dict.fromkeys(grant for entry in permissions for grant in _grants(level, entry)))


def require_few(accesses: Iterable[int], field: str = "permissions") -> None:
    """Raise FieldInvalid for more accesses, counted as they were sent, than a robot may have."""
    if sum(accesses) > MOST_ACCESSES:
        raise FieldInvalid(field, f"at most {MOST_ACCESSES} accesses in all")


def holds(principal: Principal, roles: frozenset[Role], grant: Grant) -> bool:
    """Tell whether ``principal``, with ``roles`` in the grant's project, holds what it would hand on.

    What is everybody's on a public project is nobody's to hand on. No role has metadata:list, which tells no more than
    metadata:read.
    """
    namespace, resource, action = grant
    if namespace == SYSTEM_SPACE:
        return may_in_system(principal, resource, action)
    if principal.kind is PrincipalKind.USER and (resource, action) == ("metadata", "list"):
        action = "read"
    return may_in_project(principal, namespace, roles - _PUBLIC, resource, action)


def permissions_of(grants: Iterable[Grant]) -> list[SpacePermission]:
    """Return the entries of grants, one for each namespace, in their order."""
    spaces: dict[str, list[GrantedAction]] = {}
    for namespace, resource, action in grants:
        spaces.setdefault(namespace, []).append(GrantedAction(resource=resource, action=action))
    return [
        SpacePermission(
            kind=Level.SYSTEM if namespace == SYSTEM_SPACE else Level.PROJECT,
            namespace=namespace,
            access=tuple(access),
        )
        for namespace, access in spaces.items()
    ]


def access_in(project_id: int, entries: Sequence[GrantedAction]) -> tuple[GrantedAction, ...]:
    """Return what clients made for Harbor before 2.13 grant in a project, whose resources are ``/project/1/member``.

    InvalidError for a resource of another form or of another project.
    """
    require_few([len(entries)], "access")
    return tuple(_without_project(project_id, entry) for entry in entries)


def _grants(level: Level, entry: SpacePermission) -> Iterable[Grant]:
    if entry.kind not in ((Level.SYSTEM, Level.PROJECT) if level is Level.SYSTEM else (Level.PROJECT,)):
        raise InvalidError(f"a permission of kind {entry.kind[:64]!r} is not possible for a robot of the level {level}")
    if not entry.namespace or (entry.kind == Level.SYSTEM) != (entry.namespace == SYSTEM_SPACE):
        raise InvalidError(f"namespace {entry.namespace[:64]!r} does not fit a permission of kind {entry.kind}")
    if not entry.access:
        raise InvalidError(f"access must not be empty for namespace {entry.namespace[:64]!r}")
    table = ROBOT_SYSTEM if entry.kind == Level.SYSTEM else ROBOT_PROJECT
    for access in entry.access:
        if access.action not in table.get(access.resource, ()) or access.effect not in _EFFECTS:
            named = f"{access.effect} {access.resource[:64]}:{access.action[:64]}".strip()
            raise InvalidError(f"{named!r} cannot be granted to a robot in namespace {entry.namespace[:64]!r}")
        yield entry.namespace, access.resource, access.action


def _without_project(project_id: int, entry: GrantedAction) -> GrantedAction:
    match = _OLD_RESOURCE.fullmatch(entry.resource)
    if match is None or int(match[1]) != project_id:
        raise InvalidError(f"resource {entry.resource[:64]!r} is none of /project/{project_id}/…")
    return replace(entry, resource=match[2])


def _actions(table: Mapping[str, Sequence[str]]) -> list[GrantedAction]:
    pairs = ((resource, action) for resource, actions in table.items() for action in actions)
    return [GrantedAction(resource=resource, action=action) for resource, action in pairs]
