"""Requests and responses of the registry edge: thin objects around WSGI, which cost less time than Flask's."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final
from urllib.parse import parse_qs

from app.context import Context
from app.core.errors import InvalidError
from app.core.pausing import Pausing
from app.core.reference import RepositoryName

Headers = list[tuple[str, str]]

ROUTE_KEY: Final = "pyharbor.route"
"""The key of the WSGI environment that holds the name of the route, for logs and metrics."""
HERE_KEY: Final = "pyharbor.here"
"""The key of the local address that the client connected to, where the server provides it."""
PAUSES_KEY: Final = "pyharbor.pauses"
"""The key of True when the server can wait for the client while a handler pauses; it must close every body."""
VERSION_HEADER: Final = ("Docker-Distribution-Api-Version", "registry/2.0")
"""The header of every response below ``/v2``."""
NO_PAGE: Final[Headers] = [
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
]
"""Headers that keep browsers from showing pushed content, whose type the pusher chose, as a page of this server."""


@dataclass(slots=True, kw_only=True)
class RegistryRequest:
    """A request below ``/v2/<name>/``; the caller's right to the route's action is already checked."""

    method: str
    name: RepositoryName
    """The repository's full name."""
    reference: str
    """The tag, digest or upload id that follows the fixed segment; empty without one."""
    environ: dict[str, Any]
    ctx: Context
    public_only: bool
    """True when the caller has the right only while the project is public, which the handler's query checks."""
    granted: Mapping[str, frozenset[str]] | None = None
    """The actions that the caller's token grants, by repository; None without a token, when its rights decide."""
    _query: dict[str, list[str]] | None = field(default=None, init=False)

    def allows(self, name: str, action: str) -> bool:
        """Tell whether the caller's token grants the action; True without a token. Rights are checked elsewhere."""
        return self.granted is None or action in self.granted.get(name, ())

    def header(self, name: str) -> str | None:
        """Return a request header by its WSGI name without ``HTTP_``: ``IF_NONE_MATCH``, ``CONTENT_TYPE``."""
        value = (
            self.environ.get(name)
            if name.startswith("CONTENT_") and name != "CONTENT_RANGE"
            else self.environ.get("HTTP_" + name)
        )
        return value if isinstance(value, str) else None

    def parameters(self, name: str) -> list[str]:
        """Return all values of a query parameter, decoded."""
        if self._query is None:
            self._query = parse_qs(self.environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return self._query.get(name, [])

    def parameter(self, name: str) -> str | None:
        """Return the first value of a query parameter; None when it is absent."""
        return next(iter(self.parameters(name)), None)

    def text(self, name: str) -> str | None:
        """Return a parameter that is looked up in the database as it is; raise InvalidError when it contains a NUL."""
        value = self.parameter(name)
        return value and storable(name, value)


def storable(name: str, value: str) -> str:
    """Return the value of a query parameter; raise InvalidError when it contains a NUL, which no database stores."""
    if "\0" in value:
        raise InvalidError(f"the query parameter {name} holds a NUL character", detail={"parameter": name})
    return value


@dataclass(slots=True, kw_only=True)
class FileBody:
    """``length`` bytes of an open file from its current position; the server sends them with sendfile if it can."""

    file: BinaryIO
    length: int


@dataclass(slots=True, kw_only=True)
class RegistryResponse:
    """A response; the gateway adds the headers that all responses have, and omits the body for HEAD."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes | FileBody | Iterable[bytes] = b""


Handler = Callable[[RegistryRequest], RegistryResponse | Pausing[RegistryResponse]]
"""Answers a request, either at once, or as a generator that pauses while the client sends nothing of its body."""
