"""The grants of robots: the rules, without I/O, for what may be granted and by whom, and their forms in the API."""

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
"""Namespace, resource and action, as in ``Principal.grants``."""
SYSTEM_SPACE = "/"
EVERY_PROJECT = "*"
_EFFECTS = ("", "allow")
_OLD_RESOURCE = re.compile(r"/project/([0-9]{1,19})/([a-z-]+)")
_PUBLIC = frozenset({Role.PUBLIC})
MOST_ACCESSES: Final = 10_000
"""The most accesses of one robot in all namespaces together; each of its requests reads them."""


class Level(StrEnum):
    """Whether a robot belongs to the system or to a project."""

    SYSTEM = "system"
    PROJECT = "project"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedAction:
    """An action on a kind of resource."""

    resource: str
    action: str
    effect: str = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpacePermission:
    """The grants in one namespace; ``kind`` is a Level, ``namespace`` is ``/``, ``*`` or a project's name."""

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
    """Return the grants of the entries in order without duplicates; raise InvalidError that names an invalid entry.

    A project robot has one entry, for a project by name; a system robot may have entries for the system and for
    projects.
    """
    if not permissions:
        raise InvalidError("permissions must not be empty")
    require_few(len(entry.access) for entry in permissions)
    if level is Level.PROJECT and (len(permissions) > 1 or permissions[0].namespace == EVERY_PROJECT):
        raise InvalidError("a robot of the level project has exactly one entry in permissions, for its own project")
    return tuple(dict.fromkeys(grant for entry in permissions for grant in _grants(level, entry)))


def require_few(accesses: Iterable[int], field: str = "permissions") -> None:
    """Raise FieldInvalid for more accesses than a robot may have, duplicates included."""
    if sum(accesses) > MOST_ACCESSES:
        raise FieldInvalid(field, f"at most {MOST_ACCESSES} accesses in all")


def holds(principal: Principal, roles: frozenset[Role], grant: Grant) -> bool:
    """Tell whether ``principal``, with ``roles`` in the grant's project, has the right that it would grant.

    Rights that all callers have on a public project may not be granted by them. ``metadata:list``, which is in no role,
    counts as ``metadata:read``.
    """
    namespace, resource, action = grant
    if namespace == SYSTEM_SPACE:
        return may_in_system(principal, resource, action)
    if principal.kind is PrincipalKind.USER and (resource, action) == ("metadata", "list"):
        action = "read"
    return may_in_project(principal, namespace, roles - _PUBLIC, resource, action)


def permissions_of(grants: Iterable[Grant]) -> list[SpacePermission]:
    """Return the entries of the grants, one per namespace, in order."""
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
    """Return grants in a project from the form of Harbor before 2.13, with resources like ``/project/1/member``.

    Raises InvalidError for a resource of another form or of another project.
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
