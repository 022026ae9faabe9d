"""Make the Context of a management API request, with its caller, once per request and only when needed."""

from dataclasses import dataclass
from typing import Final, Protocol

from flask import Flask, current_app, g, request

from app.access import decision
from app.access.principals import ANONYMOUS, Principal
from app.context import Context, Ports
from app.core.basic import parse_basic
from app.core.errors import UnauthenticatedError
from app.core.randomness import Randomness
from app.web import login

_EXTENSION: Final = "pyharbor"
CSRF_BYTES: Final = 32
"""The length of secrets against forged requests, and of what masks them."""


class BasicAuthenticator(Protocol):
    """Verifies basic credentials; implemented by the identity feature, which lies above this one."""

    def basic(self, username: str, password: str, address: str) -> Principal:
        """Return the caller; UnauthenticatedError for wrong credentials, TooManyRequests after too many failures."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The installation that a Flask application serves: its ports, and the authenticator of its callers."""

    ports: Ports
    authenticator: BasicAuthenticator
    secure: bool
    """Whether browsers connect by https, so that cookies are for https only."""
    randomness: Randomness
    """Pieces of CSRF_BYTES."""


def install(app: Flask, ports: Ports, authenticator: BasicAuthenticator, sessions: login.Sessions) -> None:
    """Connect ``app`` to an installation, in place of the one before."""
    secure = ports.settings.web.external_url.startswith("https:")
    app.extensions[_EXTENSION] = Installation(
        ports=ports, authenticator=authenticator, secure=secure, randomness=Randomness(CSRF_BYTES)
    )
    login.install(app, sessions, secure=secure)


def installation() -> Installation:
    """Return the installation that the current application serves."""
    served: Installation = current_app.extensions[_EXTENSION]
    return served


def current_context() -> Context:
    """Return the Context of the current request.

    The caller is that of the Authorization header, without one that of the session's cookie. As in Harbor, wrong
    credentials make an anonymous caller, who sees what is public. The caller's rights are read for each request.
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


def known_context_or_none() -> Context | None:
    """Return the Context of the current request; None while its caller is unknown, also because the login failed."""
    context: Context | None = g.get("context")
    return context


def authenticated_context() -> Context:
    """Return the Context of the current request; UnauthenticatedError for an anonymous caller."""
    context = current_context()
    decision.require_authenticated(context.principal)
    return context


def _by_header(header: str) -> Principal:
    try:
        name, password = parse_basic(header)
        return installation().authenticator.basic(name, password, request.remote_addr or "")
    except UnauthenticatedError:
        return ANONYMOUS
