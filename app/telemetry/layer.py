"""The one outer WSGI layer, for ``/v2`` and the API alike: request id, client address, access log, metrics."""

import re
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog

from app.core.ids import session_id
from app.telemetry.metrics import Metrics
from app.telemetry.proxies import TrustedProxies
from app.telemetry.spool import spooled

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_LOGGED: Final = 1000
"""Characters of a path and of an agent; a line of more than 4,096 bytes could be torn by another process's."""
_LONG: Final = 6
"""Digits of a length that may be large."""
_UNANSWERED: Final = "499"
"""The status, as other servers' logs have it, of a request whose client went before there was an answer."""
_ID: Final = re.compile(r"[\x21-\x7e]{1,200}")
_log = structlog.get_logger("access")


class TelemetryLayer:
    """Wraps the application without touching its bodies, so that the server still sends files with sendfile."""

    def __init__(
        self, application: Application, metrics: Metrics, proxies: TrustedProxies, *, access_log: bool
    ) -> None:
        self._application = application
        self._metrics = metrics
        self._proxies = proxies
        self._access_log = access_log

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request; its id is the caller's X-Request-Id or a new one, and the answer carries it."""
        self._proxies.resolve(environ)
        given = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _ID.fullmatch(given) else session_id()
        environ["pyharbor.request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        exchange = _Exchange(self, environ, start_response, request_id)
        body = exchange.spooled(self._application(environ, exchange.start))
        if isinstance(body, list | tuple):
            exchange.finish()
            return body
        return exchange.finish_with(body, environ.get("wsgi.file_wrapper"))

    def answered(self, environ: Environ, status: str, length: str, seconds: float) -> None:
        """Count and log one request that is over."""
        method = environ["REQUEST_METHOD"]
        route = environ.get("pyharbor.route", "other")
        self._metrics.answered(route, method, status, seconds)
        if self._access_log:
            _log.info(
                "request",
                method=method,
                path=environ.get("PATH_INFO", "")[:_LOGGED],
                route=route,
                status=int(status),
                bytes=int(length),
                ms=round(seconds * 1000, 1),
                address=environ.get("REMOTE_ADDR", ""),
                agent=environ.get("HTTP_USER_AGENT", "")[:_LOGGED],
            )


class _Exchange:
    """One request and its answer."""

    __slots__ = ("_began", "_environ", "_layer", "_length", "_request_id", "_start_response", "_status")

    def __init__(
        self, layer: TelemetryLayer, environ: Environ, start_response: Callable[..., Any], request_id: str
    ) -> None:
        self._layer = layer
        self._environ = environ
        self._start_response = start_response
        self._request_id = request_id
        self._began = time.perf_counter()
        self._status = _UNANSWERED
        self._length = "0"

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ANN401 - WSGI
        """WSGI's start_response, with the request's id added."""
        self._status = status[:3]
        for name, value in headers:
            if name == "Content-Length":
                self._length = value
        headers.append(("X-Request-Id", self._request_id))
        return self._start_response(status, headers, exc_info) if exc_info else self._start_response(status, headers)

    def finish(self) -> None:
        """The answer is out of the application's hands; what this thread logs from now on is about something else."""
        self._layer.answered(self._environ, self._status, self._length, time.perf_counter() - self._began)
        structlog.contextvars.clear_contextvars()

    def spooled(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """The body, from a file when it is large."""
        if len(self._length) < _LONG or self._environ["REQUEST_METHOD"] == "HEAD":
            return body
        return spooled(body, int(self._length), self._environ.get("wsgi.file_wrapper"))

    def finish_with(self, body: Iterable[bytes], file_wrapper: object) -> Iterable[bytes]:
        """The same body, with news of its end when the server closes it; the server's own file wrapper stays itself."""
        if isinstance(file_wrapper, type) and isinstance(body, file_wrapper):
            wrapper: Any = body
            wrapper.close = self._closing(getattr(wrapper, "close", None))
            return body
        return _Body(body, self._closing(getattr(body, "close", None)))

    def _closing(self, close: Callable[[], None] | None) -> Callable[[], None]:
        def closed() -> None:
            structlog.contextvars.bind_contextvars(request_id=self._request_id)
            try:
                if close is not None:
                    close()
            finally:
                self.finish()

        return closed


class _Body:
    """An iterable body with a close of ours."""

    __slots__ = ("_body", "close")

    def __init__(self, body: Iterable[bytes], close: Callable[[], None]) -> None:
        self._body = body
        self.close = close

    def __iter__(self) -> Any:  # noqa: ANN401 - whatever the body's iterator is
        return iter(self._body)
