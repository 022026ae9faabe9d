"""A request under a server that waits for silent clients itself, gone through step by step."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

from app.telemetry.access import AccessLog
from tests.support.bodies import Connection


@dataclass
class Exchange:
    """One request whose body the test sends, and whose answer it asks for, step by step."""

    connection: Connection
    body: Iterable[bytes] = ()
    status: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    _steps: Iterator[bytes] = field(default_factory=lambda: iter(()))

    @property
    def at_once(self) -> bool:
        """Whether the answer was there without a pause."""
        return isinstance(self.body, tuple)

    def start(self, app: Flask, environ: dict[str, Any]) -> None:
        """Let the application take the request up as far as its first pause, or its answer."""

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:  # noqa: ANN401 - WSGI
            assert not self.status
            self.status, self.headers = status[:3], dict(headers)

        self.body = app.wsgi_app(environ, start_response)
        self._steps = iter(self.body)
        if not self.status:
            assert self.step()

    def step(self) -> bool:
        """Go on to the next pause; False at the end of the answer."""
        piece = next(self._steps, None)
        self.content += piece or b""
        assert self.status or not piece
        return piece is not None

    def send(self, part: bytes) -> None:
        """Send content and let the handler take it in; what does not fit into the connection comes meanwhile."""
        with ThreadPoolExecutor(1) as sender:
            sent = sender.submit(self.connection.client.sendall, part)
            while not sent.done():
                assert self.step()
                assert not self.status
        assert self.step()

    def end(self, last: bytes = b"") -> int:
        """Send the last of the content; the answer's status, when it is all there."""
        with ThreadPoolExecutor(1) as sender:
            if last:
                sender.submit(self.connection.client.sendall, last)
            while self.step():
                pass
        self.close()
        return int(self.status)

    def close(self) -> None:
        """End the request, as the server does at the end of the answer or when the client has gone."""
        close = getattr(self.body, "close", None)
        if close is not None:
            close()


class Logged(AccessLog):
    """The requests that were logged: id and status."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []

    def answered(self, environ: dict[str, Any], route: str, status: str, length: str, seconds: float) -> None:
        """Note the request."""
        self.requests.append((environ["pyharbor.request_id"], status))
