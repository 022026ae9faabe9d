"""The request loop over any application, in a thread of the tests."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from app.server.limits import Limits
from app.server.loop import Application, Loop

_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Looped:
    """A loop that serves on a port of loopback."""

    loop: Loop
    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> "Peer":
        """Open a connection to it."""
        return Peer(socket.create_connection(("127.0.0.1", self.port), _SECONDS))


class Peer:
    """A client's end of a connection, as plain as can be."""

    def __init__(self, connection: socket.socket) -> None:
        """Use the connection."""
        self.socket = connection
        self._received = b""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, content: bytes) -> Self:
        """Send bytes as they are."""
        self.socket.sendall(content)
        return self

    def read_until(self, end: bytes) -> bytes:
        """Read up to ``end`` and no further; less when the connection ends before."""
        while end not in self._received and (more := self.socket.recv(65536)):
            self._received += more
        before, found, self._received = self._received.partition(end)
        return before + found

    def read_all(self) -> bytes:
        """Read until the server ends the connection."""
        received, self._received = self._received, b""
        while more := self.socket.recv(65536):
            received += more
        return received

    def read_answer(self, *, bodiless: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Read one answer: status, headers by lower-case name, body."""
        head = self.read_until(b"\r\n\r\n").decode("latin-1")
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(first.split()[1]), headers, b"" if bodiless else self._body(headers)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.read_until(b"\r\n"), 16):
                body += self.read_exactly(size)
                self.read_exactly(2)
            self.read_exactly(2)
            return body
        if "content-length" in headers:
            return self.read_exactly(int(headers["content-length"]))
        return self.read_all() if headers.get("connection") == "close" else b""

    def read_exactly(self, size: int) -> bytes:
        """Read so many bytes; EOFError when the connection ends before."""
        received = bytearray(self._received)
        while len(received) < size:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(f"the server ended the connection after {len(received)} of {size} bytes")
            received += more
        self._received = bytes(received[size:])
        return bytes(received[:size])


@contextmanager
def looped(application: Application, limits: Limits = Limits()) -> Iterator[Looped]:  # noqa: B008 - frozen
    """Serve ``application`` until the end; the loop must come to its end in time."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    port: int = listener.getsockname()[1]
    loop = Loop(application, [listener], limits)
    thread = threading.Thread(target=loop.run, name="looped", daemon=True)
    thread.start()
    try:
        yield Looped(loop, port)
    finally:
        loop.stop()
        thread.join(_SECONDS)
    assert not thread.is_alive(), "the loop did not stop"


def get(path: str, *lines: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    """A request."""
    if body:
        lines = (*lines, f"Content-Length: {len(body)}")
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: a", *lines, "", ""]).encode() + body


def ended(peer: Peer) -> bool:
    """Whether the server has ended the connection."""
    try:
        return peer.socket.recv(1) == b""
    except ConnectionResetError:
        return True


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it holds within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return False
