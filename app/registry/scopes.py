"""Scopes of the token service: parsing of the requested scopes, and the access that the caller is granted."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from app.access.decision import may_in_project, may_in_system
from app.access.principals import Principal
from app.access.roles import Role
from app.core.errors import NameInvalid
from app.core.reference import RepositoryName
from app.identity.tokens import Access
from app.projects.rights import project_or_none, roles_in

_ACTIONS = ("pull", "push", "delete")
_EVERY: Final = "*"
_TYPE = re.compile(r"([a-z0-9]+)(?:\(([a-z0-9]+)\))?")
_LIMIT = 128
_NO_ROLES: frozenset[Role] = frozenset()
_PUBLIC_ONLY = frozenset({Role.PUBLIC})


@dataclass(frozen=True, slots=True)
class Scope:
    """A requested scope: the actions on one resource."""

    type: str
    resource_class: str
    name: str
    actions: frozenset[str]

    def asks_for(self, action: str) -> bool:
        """Tell whether the scope includes the action, by its name or by ``*``."""
        return action in self.actions or _EVERY in self.actions


def parse_scopes(values: Iterable[str]) -> list[Scope]:
    """Return the scopes in repeated and space-separated values, at most 128; omit those that are malformed.

    Several scopes for one resource become one scope with all of their actions.
    """
    actions_of: dict[tuple[str, str, str], frozenset[str]] = {}
    for text in (part for value in values for part in value.split()):
        kind, colon, rest = text.partition(":")
        name, second, actions = rest.rpartition(":")
        match = _TYPE.fullmatch(kind)
        if match and colon and second and name:
            resource = match[1], match[2] or "", name
            actions_of[resource] = actions_of.get(resource, frozenset()).union(actions.split(","))
    return [Scope(*resource, actions) for resource, actions in actions_of.items()][:_LIMIT]


def grant(session: Session, principal: Principal, scopes: Iterable[Scope]) -> Iterator[Access]:
    """Yield for each scope the requested actions that the caller has the right to; ``actions`` may be empty."""
    may_list_catalog = may_in_system(principal, "catalog", "read")
    for scope in scopes:
        if scope.type == "repository":
            yield _on_repository(session, principal, scope)
        else:
            catalog = (scope.type, scope.name) == ("registry", "catalog") and may_list_catalog
            actions = (_EVERY,) if catalog and scope.asks_for(_EVERY) else ()
            yield Access(type=scope.type, name=scope.name, actions=actions)


def _on_repository(session: Session, principal: Principal, scope: Scope) -> Access:
    try:
        name = RepositoryName.parse(scope.name)
    except NameInvalid:
        return Access(type=scope.type, name=scope.name, actions=(), resource_class=scope.resource_class)
    project = project_or_none(session, name.project)
    roles = roles_in(session, principal, project) if project else _NO_ROLES
    held = _held(principal, name.project, roles) if project or principal.sysadmin else ()
    actions = tuple(action for action in held if scope.asks_for(action))
    return Access(
        type=scope.type,
        name=name,
        actions=actions,
        resource_class=scope.resource_class,
        by_public="pull" in actions and "pull" not in _held(principal, name.project, roles - _PUBLIC_ONLY),
    )


def _held(principal: Principal, project: str, roles: frozenset[Role]) -> tuple[str, ...]:
    return tuple(action for action in _ACTIONS if may_in_project(principal, project, roles, "repository", action))
