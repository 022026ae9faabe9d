"""Who is calling: the Context of a management API request, made once per request and only when asked for."""

from dataclasses import dataclass
from typing import Final, Protocol

from flask import Flask, current_app, g, request

from app.access import decision
from app.access.principals import ANONYMOUS, Principal
from app.context import Context, Ports
from app.core.basic import parse_basic
from app.core.errors import UnauthenticatedError
from app.web import login

_EXTENSION: Final = "pyharbor"


class BasicAuthenticator(Protocol):
    """Verifies basic credentials; implemented by the identity feature, which lies above this kit."""

    def basic(self, username: str, password: str, address: str) -> Principal:
        """The caller these credentials prove; UnauthenticatedError when they are wrong, TooManyRequests too early."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What a Flask application serves: the ports, and who proves its callers."""

    ports: Ports
    authenticator: BasicAuthenticator
    secure: bool
    """Whether browsers come by https, so that cookies are sent by nothing else."""


def install(app: Flask, ports: Ports, authenticator: BasicAuthenticator, sessions: login.Sessions) -> None:
    """Tell ``app`` what it serves from now on."""
    secure = ports.settings.web.external_url.startswith("https:")
    app.extensions[_EXTENSION] = Installation(ports=ports, authenticator=authenticator, secure=secure)
    login.install(app, sessions, secure=secure)


def installation() -> Installation:
    """What the current application serves."""
    found: Installation = current_app.extensions[_EXTENSION]
    return found


def current_context() -> Context:
    """The Context of the request being served.

    An Authorization header decides alone, else the session's cookie. Wrong credentials make an anonymous caller, as in
    Harbor: what needs somebody refuses, what is public is shown. Their rights are those of this moment.
    """
    context: Context | None = g.get("context")
    if context is None:
        environ = request.environ
        header: str = environ.get("HTTP_AUTHORIZATION", "")
        context = g.context = Context(
            installation().ports,
            _by_header(header) if header else login.session_principal(),
            request_id=environ.get("pyharbor.request_id", ""),
            address=environ.get("REMOTE_ADDR", ""),
        )
    return context


def authenticated_context() -> Context:
    """Return the Context of the request being served; UnauthenticatedError for an anonymous caller."""
    context = current_context()
    decision.require_authenticated(context.principal)
    return context


def _by_header(header: str) -> Principal:
    try:
        name, password = parse_basic(header)
        return installation().authenticator.basic(name, password, request.remote_addr or "")
    except UnauthenticatedError:
        return ANONYMOUS
