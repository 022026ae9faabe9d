"""The outermost WSGI layer: request id, client address, access log and metrics for every request."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from app.telemetry import request_ids
from app.telemetry.access import AccessLog
from app.telemetry.metrics import Metrics
from app.telemetry.proxies import TrustedProxies
from app.telemetry.spool import spooled

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_LONG: Final = 6
"""From so many digits on, a Content-Length may be large enough to be spooled."""
_UNANSWERED: Final = "499"
"""The logged status of a request whose client closed the connection before the answer, as nginx logs it."""
_ID: Final = re.compile(r"[\x21-\x7e]{1,200}")


class TelemetryLayer:
    """Wraps the application and leaves file bodies as they are, so that the server can send them with sendfile."""

    def __init__(
        self, application: Application, metrics: Metrics, proxies: TrustedProxies, access: AccessLog | None
    ) -> None:
        """Wrap ``application``; without ``access`` requests are counted and not logged."""
        self._application = application
        self._metrics = metrics
        self._proxies = proxies
        self._access = access
        self._ids = request_ids.RequestIds()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request; its id is the client's X-Request-Id or a new one, and the answer has it too."""
        self._proxies.resolve(environ)
        header = environ.get("HTTP_X_REQUEST_ID")
        request_id = header if header and _ID.fullmatch(header) else self._ids.new()
        environ["pyharbor.request_id"] = request_id
        request_ids.current.set(request_id)
        exchange = _Exchange(self, environ, start_response, request_id)
        return exchange.answer(self._application(environ, exchange.start))

    def answered(self, environ: Environ, status: str, length: str, seconds: float) -> None:
        """Count and log one request that has ended."""
        route = environ.get("pyharbor.route", "other")
        self._metrics.answered(route, environ["REQUEST_METHOD"], status, seconds)
        if self._access is not None:
            self._access.answered(environ, route, status, length, seconds)


class _Exchange:
    """One request and its answer; status and length are those of the last call of ``start``."""

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
        """Call WSGI's start_response with X-Request-Id added to the headers."""
        self._status = status[:3]
        for name, value in headers:
            if name == "Content-Length":
                self._length = value
        headers.append(("X-Request-Id", self._request_id))
        return self._start_response(status, headers, exc_info) if exc_info else self._start_response(status, headers)

    def answer(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """Return the body so that the exchange finishes when the server closes it; a list or tuple finishes now.

        A large body of known length is moved to a file first.
        """
        if len(self._length) >= _LONG and self._environ["REQUEST_METHOD"] != "HEAD":
            body = spooled(body, int(self._length), self._environ.get("wsgi.file_wrapper"))
        if isinstance(body, (list, tuple)):
            self.finish()
            return body
        file_wrapper = self._environ.get("wsgi.file_wrapper")
        if isinstance(file_wrapper, type) and isinstance(body, file_wrapper):
            wrapper: Any = body
            wrapper.close = _Closing(self, getattr(wrapper, "close", None))
            return body
        return _Body(body, _Closing(self, getattr(body, "close", None)))

    def enter(self) -> None:
        """Give this request's id to what the thread logs from now on."""
        request_ids.current.set(self._request_id)

    def finish(self) -> None:
        """Count and log the request, and take its id from what the thread logs from now on."""
        seconds = time.perf_counter() - self._began
        self._layer.answered(self._environ, self._status, self._length, seconds)
        request_ids.current.set("")


class _Closing:
    """The ``close`` of a body: calls the body's own, if it has one, and finishes the exchange."""

    __slots__ = ("_close", "_exchange")

    def __init__(self, exchange: _Exchange, close: Callable[[], None] | None) -> None:
        self._exchange = exchange
        self._close = close

    def __call__(self) -> None:
        self._exchange.enter()
        try:
            if self._close is not None:
                self._close()
        finally:
            self._exchange.finish()


class _Body:
    """An iterable body with another ``close``."""

    __slots__ = ("_body", "close")

    def __init__(self, body: Iterable[bytes], close: Callable[[], None]) -> None:
        self._body = body
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)
