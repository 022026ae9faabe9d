"""Requests and responses of the registry edge: thin objects around WSGI, cheaper than Flask's."""

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
"""Where the environment names the route, for logs and metrics."""
HERE_KEY: Final = "pyharbor.here"
"""The address of this machine that the client came to, where the server tells."""
PAUSES_KEY: Final = "pyharbor.pauses"
"""True in the environment of a server that can wait for the client while a handler pauses; it closes every body."""
VERSION_HEADER: Final = ("Docker-Distribution-Api-Version", "registry/2.0")
"""What every answer below ``/v2`` carries."""
NO_PAGE: Final[Headers] = [
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
]
"""Content is the pushers' own, its type too: no browser takes it for a page of this server."""


@dataclass(slots=True, kw_only=True)
class RegistryRequest:
    """One request below ``/v2/<name>/`` of a caller whose token or rights allow the route's actions already."""

    method: str
    name: RepositoryName
    """The repository's full name."""
    reference: str
    """What follows the fixed segment: tag, digest or upload id; empty when nothing does."""
    environ: dict[str, Any]
    ctx: Context
    public_only: bool
    """The caller is anonymous: only content of public projects exists for it, which the handler's own query checks."""
    granted: Mapping[str, frozenset[str]] | None = None
    """What the caller's token allows, repository -> actions; None when it came without one, and its rights decide."""
    _query: dict[str, list[str]] | None = field(default=None, init=False)

    def allows(self, name: str, action: str) -> bool:
        """Tell whether the token allows this, if there is one; whether the caller may is another question."""
        return self.granted is None or action in self.granted.get(name, ())

    def header(self, name: str) -> str | None:
        """A request header by its WSGI name without ``HTTP_``: ``IF_NONE_MATCH``, CONTENT_TYPE, CONTENT_LENGTH."""
        value = (
            self.environ.get(name)
            if name.startswith("CONTENT_") and name != "CONTENT_RANGE"
            else self.environ.get("HTTP_" + name)
        )
        return value if isinstance(value, str) else None

    def parameters(self, name: str) -> list[str]:
        """Every value of a query parameter, decoded."""
        if self._query is None:
            self._query = parse_qs(self.environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return self._query.get(name, [])

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter, None when it is absent."""
        return next(iter(self.parameters(name)), None)

    def text(self, name: str) -> str | None:
        """As ``parameter``, for what has no grammar and is looked up as it is; InvalidError where that cannot be."""
        value = self.parameter(name)
        return value and storable(name, value)


def storable(name: str, value: str) -> str:
    """Return the value of a query parameter; InvalidError when it holds a NUL, which no database takes."""
    if "\0" in value:
        raise InvalidError(f"the query parameter {name} holds a NUL character", detail={"parameter": name})
    return value


@dataclass(slots=True, kw_only=True)
class FileBody:
    """``length`` bytes of an open file from its current position; the server sends it with sendfile where it can."""

    file: BinaryIO
    length: int


@dataclass(slots=True, kw_only=True)
class RegistryResponse:
    """An answer; the gateway adds the headers that every answer carries, and drops the body of a HEAD."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes | FileBody | Iterable[bytes] = b""


Handler = Callable[[RegistryRequest], RegistryResponse | Pausing[RegistryResponse]]
"""Takes a request to its response, at once or pausing whenever the client sends nothing of its body."""
