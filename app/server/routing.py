"""Classify requests: quick ones for the loop's thread, streamed bodies, and those with reserved threads."""

from typing import Final

_REGISTRY: Final = "/v2/"
_UPLOADS: Final = "/blobs/uploads/"
_COLLECTION: Final = "/blobs/uploads"
_WHOLE: Final = frozenset({"/service/token", "/api/v2.0/ping"})
_QUICK: Final = _WHOLE | {"/v2"}
_RESERVED: Final = frozenset({"/api/v2.0/ping", "/api/v2.0/health", "/metrics"})
_ASKED_FIRST: Final = frozenset({"/v2", "/v2/"})


def is_quick(method: str, path: str) -> bool:
    """Tell whether to try a request on the loop's thread; one that would wait goes to another thread then."""
    if method in ("GET", "HEAD"):
        return path in _QUICK or (path.startswith(_REGISTRY) and _UPLOADS not in path and path != "/v2/_catalog")
    return method == "POST" and path == "/service/token"


def is_whole(path: str) -> bool:
    """Tell whether a quick answer is in memory when the application returns it, though it may not be a list."""
    return path in _WHOLE


def is_quick_without_queries(method: str, path: str) -> bool:
    """Tell the same for a database on another machine: only requests without queries are quick."""
    return method in ("GET", "HEAD") and path in ("/v2", "/v2/", "/api/v2.0/ping")


def is_streamed(path: str) -> bool:
    """Tell whether the application reads the body from the socket itself, and can pause: an upload's content.

    The path must end as an upload's does, as a repository's name may hold the same words.
    """
    return path.startswith(_REGISTRY) and (path.rpartition("/")[0].endswith(_COLLECTION) or path.endswith(_COLLECTION))


def is_reserved(path: str, authorization: str) -> bool:
    """Tell whether a request may use the reserved threads, so that monitoring gets answers under any load.

    Not with a password: verifying it takes time, and anonymous callers can send any.
    """
    return path in _RESERVED or (path in _ASKED_FIRST and authorization[:6].lower() != "basic ")
