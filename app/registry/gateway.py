"""The gateway: answers ``/v2`` requests as plain WSGI, in front of Flask."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, BinaryIO, Final

import structlog

from app.context import Context
from app.core.digest import Digest
from app.core.errors import (
    ContentDamaged,
    DomainError,
    InternalError,
    Kind,
    ManifestUnknown,
    NotFoundError,
    TokenInvalid,
    UnauthenticatedError,
    UnsupportedError,
)
from app.core.pausing import Pausing, completed
from app.core.reference import RepositoryName, is_digest, is_tag
from app.registry import errors
from app.registry.authentication import ANONYMOUS_CALLER, Caller
from app.registry.challenge import Scheme, scope_of
from app.registry.edge import Edge
from app.registry.http import PAUSES_KEY, ROUTE_KEY, VERSION_HEADER, FileBody, RegistryRequest, RegistryResponse
from app.registry.paused import PausedAnswer
from app.registry.receive import close_after_answer, drain
from app.registry.routes import ROUTES, Route

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_PREFIX: Final = "/v2/"
_BLOCK_BYTES: Final = 256 * 1024
_STATUS: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_BODILESS: Final = frozenset({204, 304})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_log = structlog.get_logger()


class Gateway:
    """WSGI middleware: answers ``/v2`` itself, and passes the catalog and everything outside ``/v2`` to ``rest``."""

    def __init__(self, edge: Edge, rest: Application) -> None:
        self._ports = edge.ports
        self._access = edge.access
        self._challenger = edge.challenger
        self._rest = rest

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request; while its handler pauses, the body yields ``b""`` and the head is not sent yet."""
        path: str = environ["PATH_INFO"]
        if path == "/v2/_catalog" or not (path.startswith(_PREFIX) or path == "/v2"):
            return self._rest(environ, start_response)
        call = _Call(environ)
        try:
            answer = self._answer(call, path)
        except Exception as error:  # noqa: BLE001 - the outermost layer: the client gets an answer, and the log the trace
            answer = self._error_response(call, error)
        if isinstance(answer, RegistryResponse):
            return send(environ, start_response, answer)
        return PausedAnswer(
            answer,
            send=functools.partial(send, environ, start_response),
            refuse=functools.partial(self._error_response, call),
            note=functools.partial(_note, environ),
        ).begin()

    def _answer(self, call: "_Call", path: str) -> RegistryResponse | Pausing[RegistryResponse]:
        environ = call.environ
        if len(path) <= len(_PREFIX):
            return self._ping(call)
        segment, name, reference = split(path)
        environ[ROUTE_KEY] = segment
        method: str = environ["REQUEST_METHOD"]
        route = ROUTES[segment].get(method)
        if route is None:
            raise UnsupportedError(f"{method} is not supported here", detail={"allowed": sorted(ROUTES[segment])})
        call.route, call.name = route, RepositoryName.parse(name)
        call.caller = self._authenticate(call)
        public_only = self._access.require_right(
            call.caller, call.name, route.action, project_needed=route.project_needed
        )
        _require_reference(segment, method, reference)
        ctx = self._context(call)
        token = call.caller.token
        answer = route.handler(
            RegistryRequest(
                method=method,
                name=call.name,
                reference=reference,
                environ=environ,
                ctx=ctx,
                public_only=public_only,
                granted=None if token is None else token.repositories,
            )
        )
        if isinstance(answer, RegistryResponse) or environ.get(PAUSES_KEY):
            return answer
        return completed(answer)

    def _context(self, call: "_Call") -> Context:
        return Context(
            self._ports,
            call.caller.principal,
            request_id=call.environ.get("pyharbor.request_id", ""),
            address=call.environ.get("REMOTE_ADDR", ""),
        )

    def _ping(self, call: "_Call") -> RegistryResponse:
        call.environ[ROUTE_KEY] = "ping"
        if call.environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            raise UnsupportedError(detail={"allowed": ["GET", "HEAD"]})
        if self._authenticate(call) is ANONYMOUS_CALLER:
            raise UnauthenticatedError
        return RegistryResponse(status=200, headers=[errors.JSON], body=b"{}")

    def _authenticate(self, call: "_Call") -> Caller:
        header: str = call.environ.get("HTTP_AUTHORIZATION", "")
        if header:
            call.scheme = Scheme.BEARER if header[:7].lower() == "bearer " else Scheme.BASIC
        return self._access.caller(call.environ)

    def _error_response(self, call: "_Call", exception: Exception) -> RegistryResponse:
        environ = call.environ
        _note(environ, exception)
        error = exception if isinstance(exception, DomainError) else InternalError()
        if error.facts:
            self._context(call).record_refusal(error)
        if environ["REQUEST_METHOD"] in _WITH_BODY:
            drain(environ)
        if isinstance(error, ContentDamaged):
            close_after_answer(environ)
        response = errors.render(error)
        if error.kind is Kind.UNAUTHENTICATED:
            response.headers.append(self._challenge(call, error))
        elif error.kind is Kind.UNSUPPORTED and isinstance(error.detail, dict) and "allowed" in error.detail:
            response.headers.append(("Allow", ", ".join(error.detail["allowed"])))
        return response

    def _challenge(self, call: "_Call", error: DomainError) -> tuple[str, str]:
        problem = ""
        if call.scheme is Scheme.BEARER:
            problem = "invalid_token" if isinstance(error, TokenInvalid) else "insufficient_scope"
        query: str = call.environ.get("QUERY_STRING", "")
        scope = scope_of(call.name, call.route.action, query) if call.route else ""
        return self._challenger.header(call.environ, call.scheme, scope, problem)


class _Call:
    """What is known about a request so far; an error response needs it."""

    __slots__ = ("caller", "environ", "name", "route", "scheme")

    def __init__(self, environ: Environ) -> None:
        self.environ = environ
        self.caller = ANONYMOUS_CALLER
        self.scheme = Scheme.NONE
        self.route: Route | None = None
        self.name = RepositoryName()


def _note(environ: Environ, error: Exception) -> None:
    """Log what the operator must know: internal errors with their trace, and unavailability.

    Damaged content is logged where it is detected.
    """
    if isinstance(error, ContentDamaged):
        return
    if not isinstance(error, DomainError) or error.kind is Kind.INTERNAL:
        _log.error("registry request failed", route=environ.get(ROUTE_KEY), exc_info=error)
    elif error.kind is Kind.UNAVAILABLE:
        _log.warning("registry request not served", route=environ.get(ROUTE_KEY), code=error.code, reason=error.message)


def split(path: str) -> tuple[str, str, str]:
    """Split ``/v2/<name>/<segment>/<reference>`` into segment, name and reference; raise NotFoundError for others.

    The path is read from the right, because a repository name may contain the fixed words too. The segment
    ``uploads`` stands for the collection of upload sessions, ``upload`` for one session.
    """
    head, _, last = path[len(_PREFIX) :].rpartition("/")
    name, _, segment = head.rpartition("/")
    if segment in ("manifests", "referrers") and last:
        return segment, name, last
    if segment == "blobs" and last:
        return ("uploads", name, "") if last == "uploads" else ("blobs", name, last)
    if segment == "uploads" and name.endswith("/blobs"):
        return ("upload" if last else "uploads"), name.removesuffix("/blobs"), last
    if segment == "tags" and last == "list":
        return "tags", name, ""
    raise NotFoundError("there is nothing at this path")


def send(environ: Environ, start_response: StartResponse, response: RegistryResponse) -> Iterable[bytes]:
    """Send a response through WSGI: add the common headers, omit the body for HEAD, use sendfile for files."""
    headers, body, status = response.headers, response.body, response.status
    headers.append(VERSION_HEADER)
    head = environ["REQUEST_METHOD"] == "HEAD"
    if isinstance(body, bytes):
        if status not in _BODILESS and not (head and any(name == "Content-Length" for name, _ in headers)):
            headers.append(("Content-Length", str(len(body))))
        start_response(_STATUS[status], headers)
        return () if head or status in _BODILESS else (body,)
    if isinstance(body, FileBody):
        headers.append(("Content-Length", str(body.length)))
        start_response(_STATUS[status], headers)
        return _closed(body.file) if head else _file(environ, body)
    start_response(_STATUS[status], headers)
    return _closed(body) if head else body


def _file(environ: Environ, body: FileBody) -> Iterable[bytes]:
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is not None and _is_file(body.file):
        wrapped: Iterable[bytes] = wrapper(_WatchedFile(environ, body), _BLOCK_BYTES)
        return wrapped
    return _pieces(environ, body)


def _pieces(environ: Environ, body: FileBody) -> Iterator[bytes]:
    left = body.length
    with body.file:
        while left and (piece := body.file.read(min(left, _BLOCK_BYTES))):
            left -= len(piece)
            yield piece
    if left:
        _cut_short(environ, left)


def _is_file(stream: BinaryIO) -> bool:
    try:
        stream.fileno()
    except OSError:
        return False
    return True


class _WatchedFile:
    """A file that the server sends with sendfile; closes the connection when the file was truncated meanwhile."""

    def __init__(self, environ: Environ, body: FileBody) -> None:
        self._environ = environ
        self._file = body.file
        self._end = body.file.tell() + body.length
        self.fileno = body.file.fileno
        self.read = body.file.read
        self.seek = body.file.seek
        self.tell = body.file.tell

    def close(self) -> None:
        missing = self._end - os.fstat(self._file.fileno()).st_size
        self._file.close()
        if missing > 0:
            _cut_short(self._environ, missing)


def _cut_short(environ: Environ, missing: int) -> None:
    """Log that a body was shorter than its Content-Length, and close the connection to tell the client."""
    _log.error("answer_cut_short", path=environ["PATH_INFO"], missing=missing)
    close_after_answer(environ)


def _closed(body: object) -> tuple[bytes, ...]:
    """Close an unused body and return an empty one."""
    close = getattr(body, "close", None)
    if close is not None:
        close()
    return ()


def _require_reference(segment: str, method: str, reference: str) -> None:
    if segment == "manifests" and not is_digest(reference):
        if method != "PUT" and not is_tag(reference):
            raise ManifestUnknown(detail={"reference": reference[:160]})
    elif segment in ("manifests", "blobs", "referrers"):
        Digest.parse(reference)
