"""Authentication of the callers of ``/v2``, and their rights to pull, push and delete in a repository."""

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
"""The missing right -> the event that records the denial."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller of the registry edge: how it authenticated, as whom, and its token if it has one."""

    scheme: Scheme
    principal: Principal
    token: VerifiedToken | None = None


ANONYMOUS_CALLER = Caller(Scheme.NONE, ANONYMOUS)


class AccessControl:
    """Authenticates callers by bearer token or basic credentials, and checks their rights."""

    def __init__(self, ports: Ports, authenticator: Authenticator, tokens: Tokens) -> None:
        self._ports = ports
        self._authenticator = authenticator
        self._tokens = tokens

    def caller(self, environ: dict[str, Any]) -> Caller:
        """Return the caller that the Authorization header names; ``ANONYMOUS_CALLER`` without the header.

        Raises: TokenInvalid for an invalid, expired or revoked token; UnauthenticatedError for wrong credentials or an
        unknown scheme; TooManyRequests during the delay that follows failed logins.
        """
        header = environ.get("HTTP_AUTHORIZATION")
        if not header:
            return ANONYMOUS_CALLER
        scheme = header[:7].lower()
        if scheme == "bearer ":
            return self._bearer(header)
        if scheme[:6] != "basic ":
            raise UnauthenticatedError("the Authorization header's scheme is neither Basic nor Bearer")
        name, password = parse_basic(header)
        return Caller(Scheme.BASIC, self._authenticator.basic(name, password, environ.get("REMOTE_ADDR", "")))

    def require_right(self, caller: Caller, name: RepositoryName, action: str, *, project_needed: bool) -> bool:
        """Return True when the caller has the right only while the project is public; the handler's query checks that.

        Raises: UnauthenticatedError for an anonymous caller, and for a token that lacks a right which its holder has;
        DeniedError for a caller without the right; ProjectUnknown when the project does not exist, for system
        administrators, and for tokens when ``project_needed``.
        """
        token = caller.token
        if token is None:
            if caller.scheme is Scheme.NONE:
                raise UnauthenticatedError
            return self._require_role(caller.principal, name, action)
        if action not in token.repositories.get(name, ()):
            if caller.principal.authenticated:
                self._require_role(caller.principal, name, action)
            raise UnauthenticatedError(_refusal(name, action))
        if project_needed and project_id_or_none(Context(self._ports), name.project) is None:
            raise ProjectUnknown(f"project {name.project} not found")
        return token.kind is PrincipalKind.ANONYMOUS or name in token.by_public

    def may_list_catalog(self, caller: Caller) -> bool:
        """Tell whether the caller may list all repositories, as administrators and robots with that permission may.

        A caller with a token may do so only when the token includes the catalog scope.
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

    def _require_role(self, principal: Principal, name: RepositoryName, action: str) -> bool:
        """Return True when only the project being public gives the right; raise DeniedError without the right."""
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
