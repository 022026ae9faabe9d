"""Which requests the loop answers itself, which bodies it leaves on the socket, and which never wait behind others."""

from typing import Final

_REGISTRY: Final = "/v2/"
_UPLOADS: Final = "/blobs/uploads/"
_QUICK: Final = frozenset({"/v2", "/service/token", "/api/v2.0/ping"})
_RESERVED: Final = frozenset({"/v2", "/v2/", "/api/v2.0/ping", "/api/v2.0/health", "/metrics"})


def is_quick(method: str, path: str) -> bool:
    """Whether to try a request on the loop's thread; whatever of it would wait still goes to another one."""
    if method in ("GET", "HEAD"):
        return path in _QUICK or (path.startswith(_REGISTRY) and _UPLOADS not in path and path != "/v2/_catalog")
    return method == "POST" and path == "/service/token"


def is_quick_without_queries(method: str, path: str) -> bool:
    """The same where the database is on another machine, and only what needs no query can be quick."""
    return method in ("GET", "HEAD") and path in ("/v2", "/v2/", "/api/v2.0/ping")


def is_streamed(path: str) -> bool:
    """Whether the body is content that the application reads from the socket by itself."""
    return path.startswith(_REGISTRY) and _UPLOADS in path


def is_reserved(path: str) -> bool:
    """Whether threads are kept back for a request, so that whoever watches the product hears from it."""
    return path in _RESERVED
