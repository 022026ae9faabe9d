"""The objects that the parts of the registry edge share in one process, and how its Flask views get them."""

from dataclasses import dataclass
from typing import Final, Self

from flask import Flask, Response, current_app

from app.context import Context, Ports
from app.identity.authentication import Authenticator
from app.identity.key_folder import KeyFolder
from app.identity.signing import SigningKeys
from app.identity.tokens import Tokens, lifetime_now
from app.registry.authentication import AccessControl
from app.registry.challenge import Challenger
from app.registry.http import RegistryResponse
from app.registry.realm import Realm

_EXTENSION: Final = "pyharbor-registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What the gateway, the token service and the catalog share."""

    ports: Ports
    authenticator: Authenticator
    tokens: Tokens
    access: AccessControl
    challenger: Challenger

    @classmethod
    def over(cls, ports: Ports, authenticator: Authenticator) -> Self:
        """Return the registry edge of an installation."""
        settings = ports.settings
        keys = SigningKeys(KeyFolder(ports.db, settings.secrets_dir))
        tokens = Tokens(keys, ports.clock, lambda: lifetime_now(Context(ports)))
        return cls(
            ports=ports,
            authenticator=authenticator,
            tokens=tokens,
            access=AccessControl(ports, authenticator, tokens),
            challenger=Challenger(Realm(settings.web)),
        )

    def install(self, app: Flask) -> None:
        """Register the edge with ``app``, for ``current_edge``."""
        app.extensions[_EXTENSION] = self


def current_edge() -> Edge:
    """Return the registry edge of the application that serves the current request."""
    edge: Edge = current_app.extensions[_EXTENSION]
    return edge


def as_flask(response: RegistryResponse) -> Response:
    """Return the response as a Flask response; its body must be bytes."""
    body = response.body if isinstance(response.body, bytes) else b""
    return Response(body, response.status, response.headers)
