"""Requests whose bodies are read from a socket, as the request loop hands them to the application."""

import socket
from typing import Any

from app.registry.http import PAUSES_KEY
from app.registry.receive import CLOSES_KEY
from app.server.body import StreamedBody
from app.server.framing import Framing
from app.server.head import Head, HeadReader, Incomplete


class Connection:
    """A connection whose requests the loop's own parts read at one end; the other end is ours."""

    def __init__(self) -> None:
        self.client, self.server = socket.socketpair()
        self.closes = False
        self.body: StreamedBody | None = None
        self._received = b""

    def request(self) -> dict[str, Any]:
        """The environ of the next request, whose body is still to be read."""
        self._take_rest()
        head = self._head()
        self.closes = False
        self.body = StreamedBody(self.server, Framing(head.length), self._received[head.consumed :], lambda: False)
        self._received = b""
        return head.environ | {"wsgi.input": self.body, PAUSES_KEY: True, CLOSES_KEY: self._close}

    def goes_on(self) -> bool:
        """Whether another request could be served on this connection."""
        return self.body is not None and self.body.done and not self.closes

    def close(self) -> None:
        """End both sides."""
        self.client.close()
        self.server.close()

    def _head(self) -> Head:
        self.server.settimeout(2)
        while True:
            try:
                head = HeadReader().read(self._received, {"wsgi.input_terminated": True, "REMOTE_ADDR": "127.0.0.1"})
            except Incomplete:
                self._received += self.server.recv(65536)
            else:
                self.server.settimeout(0)
                return head

    def _take_rest(self) -> None:
        if self.body is not None:
            self._received, self.body.rest = self.body.rest, b""

    def _close(self) -> None:
        self.closes = True
