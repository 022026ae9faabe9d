"""``/service/token``: registry tokens by GET (distribution's token specification) and POST (its OAuth2 form)."""

from collections.abc import Callable

import orjson
import structlog
from flask import Blueprint, Response, request

from app.access.principals import ANONYMOUS, Principal, PrincipalKind
from app.configuration.keys import IDENTITY_TOKENS
from app.configuration.service import ConfigurationService
from app.context import Context
from app.core.basic import parse_basic
from app.core.errors import DomainError, InvalidError, UnauthenticatedError
from app.identity.refresh_tokens import RefreshTokens
from app.identity.tokens import AUDIENCE
from app.registry import errors
from app.registry.challenge import BASIC
from app.registry.edge import Edge, as_flask, current_edge
from app.registry.http import ROUTE_KEY, Headers, RegistryResponse
from app.registry.scopes import grant, parse_scopes
from app.web.login import session_principal

blueprint = Blueprint("token", __name__)
_UNCACHED: Headers = [errors.JSON, ("Cache-Control", "no-store")]
_TRUE = ("true", "1")
_log = structlog.get_logger()


class _Refused(Exception):
    """An OAuth2 error response (RFC 6749, section 5.2); 401 for wrong credentials, otherwise 400."""

    def __init__(self, error: str, description: str, *, wrong_credentials: bool = False) -> None:
        super().__init__(description)
        self.error, self.description, self.wrong_credentials = error, description, wrong_credentials


@blueprint.get("/service/token")
def get_token() -> Response:
    """Answer with a token for the requested scopes; a caller with wrong credentials is anonymous.

    Raise UnauthenticatedError for an anonymous caller that requests no scope.
    """
    return _rendered(_by_get)


@blueprint.post("/service/token")
def post_token() -> Response:
    """Answer with a token for ``grant_type`` password or refresh_token; ``invalid_grant`` for wrong credentials."""
    return _rendered(_by_post)


def _rendered(answer: Callable[[Edge], RegistryResponse]) -> Response:
    request.environ[ROUTE_KEY] = "token"
    try:
        return as_flask(answer(current_edge()))
    except _Refused as refused:
        return as_flask(_oauth_refusal(refused))
    except DomainError as error:
        response = errors.render(error)
        if isinstance(error, UnauthenticatedError):
            response.headers.append(BASIC)
        return as_flask(response)


def _by_get(edge: Edge) -> RegistryResponse:
    if request.args.get("service") != AUDIENCE:
        raise InvalidError(f"unknown service: expected {AUDIENCE}")
    scopes = request.args.getlist("scope")
    principal = _caller(edge)
    if not principal.authenticated and not parse_scopes(scopes):
        raise UnauthenticatedError
    offline = request.args.get("offline_token") in _TRUE and "Authorization" in request.headers
    return _issued(edge, principal, scopes, offline=offline)


def _by_post(edge: Edge) -> RegistryResponse:
    form = request.form
    if form.get("service") != AUDIENCE:
        raise _Refused("invalid_request", f"unknown service: expected {AUDIENCE}")
    grant_type = form.get("grant_type")
    offline = form.get("access_type") == "offline"
    try:
        if grant_type == "password":
            name, password = form.get("username", ""), form.get("password", "")
            principal = edge.authenticator.basic(name, password, request.remote_addr or "")
        elif grant_type == "refresh_token":
            principal = RefreshTokens(_context(edge)).redeem(form.get("refresh_token", ""), AUDIENCE)
        else:
            raise _Refused("unsupported_grant_type", "grant_type must be password or refresh_token")
    except UnauthenticatedError:
        raise _Refused("invalid_grant", "the credentials are wrong or have ended", wrong_credentials=True) from None
    return _issued(edge, principal, form.getlist("scope"), offline=offline and grant_type == "password")


def _issued(edge: Edge, principal: Principal, scopes: list[str], *, offline: bool) -> RegistryResponse:
    with _context(edge).read() as session:
        access = list(grant(session, principal, parse_scopes(scopes)))
    issued = edge.tokens.issue(principal, access)
    answer = {
        "token": issued.token,
        "access_token": issued.token,
        "expires_in": issued.expires_in,
        "issued_at": issued.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if offline and principal.kind is PrincipalKind.USER and ConfigurationService(_context(edge)).value(IDENTITY_TOKENS):
        refresh_token = RefreshTokens(_context(edge)).issue(principal, AUDIENCE)
        answer |= {"refresh_token": refresh_token} if refresh_token else {}
    return RegistryResponse(status=200, headers=[*_UNCACHED], body=orjson.dumps(answer))


def _caller(edge: Edge) -> Principal:
    """Return the caller by basic credentials, or by the browser session when there is no Authorization header."""
    header = request.headers.get("Authorization", "")
    if not header:
        return session_principal()
    try:
        name, password = parse_basic(header)
        return edge.authenticator.basic(name, password, request.remote_addr or "")
    except UnauthenticatedError:
        return ANONYMOUS


def _context(edge: Edge) -> Context:
    return Context(edge.ports, address=request.remote_addr or "")


def _oauth_refusal(refused: _Refused) -> RegistryResponse:
    code = "UNAUTHORIZED" if refused.wrong_credentials else "BAD_REQUEST"
    body = {
        "error": refused.error,
        "error_description": str(refused),
        "errors": [{"code": code, "message": str(refused)}],
    }
    response = RegistryResponse(status=400, headers=[*_UNCACHED], body=orjson.dumps(body))
    if refused.wrong_credentials:
        response.status = 401
        response.headers.append(BASIC)
    return response
