"""A connection's socket in the event loop: its phase, the thread that owns it, and its end."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from select import EPOLLIN
from typing import TYPE_CHECKING, Final

import orjson

from app.server import phases
from app.server.buffers import take_buffer

if TYPE_CHECKING:
    from app.server.loop import Loop

_CODES: Final = {408: "REQUEST_TIMEOUT", 414: "URI_TOO_LONG", 431: "HEADERS_TOO_LARGE", 503: "UNAVAILABLE"}
_REASONS: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    414: "URI Too Long",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
_MAPPED: Final = bytes(10) + b"\xff\xff"
_NETWORK_BYTES: Final = 8
_LINGER_BYTES: Final = 16 * 1024 * 1024
"""The most bytes that are discarded while a peer goes on sending after its last answer."""


def place_of(address: str) -> str:
    """Return what is counted as one client: an IPv4 address, or the /64 network of an IPv6 address."""
    if ":" not in address:
        return address
    packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    if packed.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[len(_MAPPED) :])
    return packed[:_NETWORK_BYTES].hex(":", 2)


class Wire:
    """The server's end of a connection; a pool's thread owns it in the phase WORK, the loop's thread in all others."""

    __slots__ = (
        "_discarded",
        "_mask",
        "_registered",
        "address",
        "buffer",
        "descriptor",
        "gone",
        "loop",
        "moved",
        "owned",
        "phase",
        "place",
        "since",
        "socket",
    )

    def __init__(self, loop: "Loop", connection: socket.socket, address: str, place: str) -> None:
        """Register the socket with the loop and wait for the peer; ``place`` is what is counted as one client."""
        self.loop = loop
        self.socket = connection
        self.descriptor = connection.fileno()
        self.address = address
        self.place = place
        self.buffer: bytes | bytearray = b""
        """Bytes that were received and not parsed."""
        self.phase = phases.HEAD
        self.since = time.monotonic()
        """When this phase began; in HEAD, when the first byte arrived."""
        self.moved = 0
        """Bytes of bodies received and of answers sent."""
        self.gone = False
        """Whether the peer is known to be gone."""
        self.owned = True
        """Whether the loop has handled an event since a thread owned the connection.

        A thread sets the phase before the events to wait for; until an event comes, the loop must not use the phase."""
        self._mask = EPOLLIN
        self._registered = True
        self._discarded = 0
        loop.epoll.register(self.descriptor, EPOLLIN)

    def wait(self, phase: int, mask: int) -> None:
        """Enter ``phase`` and wait for the events of ``mask``; on the thread that owns the connection."""
        self.since = time.monotonic()
        self.phase = phase
        if self._registered:
            self._listen(mask, again=phase == phases.PAUSED)
        else:
            self.loop.post(self._on_gone)

    def hand_over(self, task: Callable[[], None]) -> None:
        """Run ``task`` on a pool's thread, which owns the connection then."""
        self.phase, self.owned = phases.WORK, False
        self._listen(0)
        self.loop.pool.submit(task, self.place)

    def refuse(self, status: int, message: str, code: str = "") -> None:
        """Answer with an error of the server itself, and end the connection; without ``code`` the status has one."""
        content = orjson.dumps({"errors": [{"code": code or _CODES.get(status, "BAD_REQUEST"), "message": message}]})
        retry = "Retry-After: 1\r\n" if status == 503 else ""  # noqa: PLR2004 - as above
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nServer: gunicorn\r\nDate: {self.loop.header.date()}\r\n"
            f"Connection: close\r\nContent-Type: application/json\r\n{retry}Content-Length: {len(content)}\r\n\r\n"
        )
        with suppress(OSError):
            self.socket.send(head.encode("latin-1") + content)
        self.loop.refused(self.address, status, message)
        self.end()

    def end(self) -> None:
        """Shut down sending and let the peer read: closing with unread input could destroy the answer in flight."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
            return
        self._discarded = 0
        self.wait(phases.LINGER, EPOLLIN)

    def close(self) -> None:
        """Close at once."""
        if self.phase == phases.CLOSED:
            return
        self.phase = phases.CLOSED
        self._unregister()
        self.loop.forget(self)
        self.socket.close()

    def _on_gone(self) -> None:
        """Handle a peer that was gone before this phase began."""
        self.close()

    def _on_linger(self) -> None:
        try:
            count = self.socket.recv_into(take_buffer())
        except BlockingIOError:
            return
        except OSError:
            count = 0
        self._discarded += count
        if not count or self._discarded > _LINGER_BYTES:
            self.close()

    def _listen(self, mask: int, *, again: bool = False) -> None:
        if (mask == self._mask and not again) or not self._registered:
            return
        self._mask = mask
        try:
            self.loop.epoll.modify(self.descriptor, mask)
        except OSError:
            self.gone = True

    def _unregister(self) -> None:
        if self._registered:
            self._registered = False
            with suppress(OSError):
                self.loop.epoll.unregister(self.descriptor)
