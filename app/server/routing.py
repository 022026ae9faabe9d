"""Which requests the loop answers itself, which bodies it leaves on the socket, and which never wait behind others."""

from typing import Final

_REGISTRY: Final = "/v2/"
_UPLOADS: Final = "/blobs/uploads/"
_COLLECTION: Final = "/blobs/uploads"
_QUICK: Final = frozenset({"/v2", "/service/token", "/api/v2.0/ping"})
_RESERVED: Final = frozenset({"/api/v2.0/ping", "/api/v2.0/health", "/metrics"})
_ASKED_FIRST: Final = frozenset({"/v2", "/v2/"})


def is_quick(method: str, path: str) -> bool:
    """Whether to try a request on the loop's thread; whatever of it would wait still goes to another one."""
    if method in ("GET", "HEAD"):
        return path in _QUICK or (path.startswith(_REGISTRY) and _UPLOADS not in path and path != "/v2/_catalog")
    return method == "POST" and path == "/service/token"


def is_quick_without_queries(method: str, path: str) -> bool:
    """The same where the database is on another machine, and only what needs no query can be quick."""
    return method in ("GET", "HEAD") and path in ("/v2", "/v2/", "/api/v2.0/ping")


def is_streamed(path: str) -> bool:
    """Whether the body is content that the application reads from the socket by itself, and pauses.

    Only an upload's path is: a repository's name may hold the same words in front of something else.
    """
    return path.startswith(_REGISTRY) and (path.rpartition("/")[0].endswith(_COLLECTION) or path.endswith(_COLLECTION))


def is_reserved(path: str, authorization: str) -> bool:
    """Whether threads are kept back for a request, so that whoever watches the product hears from it.

    None for a password: looking at it takes time, and anybody can send one.
    """
    return path in _RESERVED or (path in _ASKED_FIRST and authorization[:6].lower() != "basic ")
