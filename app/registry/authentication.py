"""Who is calling ``/v2``, and whether this caller may do that to a repository."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.access.decision import may_in_project, may_in_system
from app.access.principals import ANONYMOUS, Principal, PrincipalKind
from app.access.roles import Role
from app.context import Context, Ports
from app.core.basic import parse_basic
from app.core.errors import DeniedError, ProjectUnknown, TokenInvalid, UnauthenticatedError
from app.core.reference import RepositoryName
from app.events.refusals import AccessDenied, DeleteDenied, PullDenied, PushDenied
from app.identity.authentication import Authenticator
from app.identity.tokens import Tokens, VerifiedToken
from app.projects.rights import project_id_or_none, project_or_none, roles_in
from app.registry.challenge import Scheme

_PUBLIC_ONLY = frozenset({Role.PUBLIC})
_DENIED: Final[Mapping[str, type[AccessDenied]]] = {"pull": PullDenied, "push": PushDenied, "delete": DeleteDenied}
"""By the right that the caller does not hold."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller of the registry edge."""

    scheme: Scheme
    principal: Principal
    token: VerifiedToken | None = None


NOBODY = Caller(Scheme.NONE, ANONYMOUS)


class Door:
    """Authenticates and authorises for one process: bearer tokens, basic credentials, nobody."""

    def __init__(self, ports: Ports, authenticator: Authenticator, tokens: Tokens) -> None:
        self._ports = ports
        self._authenticator = authenticator
        self._tokens = tokens

    def caller(self, environ: dict[str, Any]) -> Caller:
        """The caller by its Authorization header.

        TokenInvalid for a token that is not valid (any more), UnauthenticatedError for wrong credentials or an unknown
        scheme, TooManyRequests while a delay after failures lasts.
        """
        header = environ.get("HTTP_AUTHORIZATION")
        if not header:
            return NOBODY
        scheme = header[:7].lower()
        if scheme == "bearer ":
            return self._bearer(header)
        if scheme[:6] != "basic ":
            raise UnauthenticatedError("the Authorization header's scheme is neither Basic nor Bearer")
        name, password = parse_basic(header)
        return Caller(Scheme.BASIC, self._authenticator.basic(name, password, environ.get("REMOTE_ADDR", "")))

    def authorise(self, caller: Caller, name: RepositoryName, action: str, *, project_needed: bool) -> bool:
        """Tell whether the caller may do this only to a public project, which the handler's own query checks.

        UnauthenticatedError for nobody and for a token that is narrower than what its holder may do; DeniedError for
        somebody who may not; ProjectUnknown for an administrator when the project is missing and ``project_needed``.
        """
        token = caller.token
        if token is None:
            if caller.scheme is Scheme.NONE:
                raise UnauthenticatedError
            return self._by_rights(caller.principal, name, action)
        if action not in token.repositories.get(name, ()):
            if caller.principal.authenticated:
                self._by_rights(caller.principal, name, action)
            raise UnauthenticatedError(_refusal(name, action))
        if project_needed and project_id_or_none(self._ports.db, name.project) is None:
            raise ProjectUnknown(f"project {name.project} not found")
        return token.kind is PrincipalKind.ANONYMOUS or name in token.by_public

    def may_list_catalog(self, caller: Caller) -> bool:
        """Tell whether the caller may list all repositories: administrators and robots that were granted it.

        By a token only when it says so.
        """
        return may_in_system(caller.principal, "catalog", "read") and (caller.token is None or caller.token.catalog)

    def _bearer(self, header: str) -> Caller:
        token = self._tokens.verify(header)
        if token.kind is PrincipalKind.ANONYMOUS:
            return Caller(Scheme.BEARER, ANONYMOUS, token)
        principal = self._authenticator.current.of(token.kind, token.id, at_least=token.version)
        if principal is None or principal.version != token.version:
            raise TokenInvalid("the token was revoked")
        return Caller(Scheme.BEARER, principal, token)

    def _by_rights(self, principal: Principal, name: RepositoryName, action: str) -> bool:
        with Context(self._ports, principal).read() as session:
            project = project_or_none(session, name.project)
            roles = roles_in(session, principal, project) if project else frozenset()
        if project is None and principal.sysadmin:
            raise ProjectUnknown(f"project {name.project} not found")
        if project is None or not may_in_project(principal, project.name, roles, "repository", action):
            raise DeniedError(_refusal(name, action)).carrying(_DENIED[action](repository=name))
        return not may_in_project(principal, project.name, roles - _PUBLIC_ONLY, "repository", action)


def _refusal(name: str, action: str) -> str:
    return f"unauthorized to access repository: {name}, action: {action}"
