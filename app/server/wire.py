"""A connection's socket and its place in the loop: what it waits for, who owns it, how it ends."""

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
"""Thrown away for a peer that goes on sending behind its answer, while the time for it lasts."""


def place_of(address: str) -> str:
    """What counts as one address: that of IPv4, of IPv6 the network of 64 bits that one client has to itself."""
    if ":" not in address:
        return address
    packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    if packed.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[len(_MAPPED) :])
    return packed[:_NETWORK_BYTES].hex(":", 2)


class Wire:
    """One end of a connection. In the phase WORK a pool's thread owns it, in all others the loop's."""

    __slots__ = (
        "_mask",
        "_registered",
        "_thrown",
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

    def __init__(self, loop: "Loop", connection: socket.socket, address: str) -> None:
        """Begin to wait for what the peer sends."""
        self.loop = loop
        self.socket = connection
        self.descriptor = connection.fileno()
        self.address = address
        self.place = place_of(address)
        self.buffer: bytes | bytearray = b""
        """What was received and not looked at."""
        self.phase = phases.HEAD
        self.since = time.monotonic()
        """When this phase began; in HEAD, when the first byte came."""
        self.moved = 0
        """Bytes of bodies and answers that were received or sent."""
        self.gone = False
        """Whether the peer is known to be gone."""
        self.owned = True
        """Whether the loop has looked at the connection since a thread had it.

        A thread sets a phase before what to wait for; until an event comes, the phase says nothing to the loop."""
        self._mask = EPOLLIN
        self._registered = True
        self._thrown = 0
        loop.epoll.register(self.descriptor, EPOLLIN)

    def wait(self, phase: int, mask: int) -> None:
        """Wait for the peer in ``phase``, from the thread that owns the connection."""
        self.since = time.monotonic()
        self.phase = phase
        if self._registered:
            self._listen(mask, again=phase == phases.PAUSED)
        else:
            self.loop.post(self._on_gone)

    def hand_over(self, task: Callable[[], None]) -> None:
        """Let a thread that may wait do ``task``."""
        self.phase, self.owned = phases.WORK, False
        self._listen(0)
        self.loop.pool.submit(task)

    def refuse(self, status: int, message: str) -> None:
        """Answer that there is no answer, and end."""
        content = orjson.dumps({"errors": [{"code": _CODES.get(status, "BAD_REQUEST"), "message": message}]})
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
        """Send no more, and give the peer the time to read: closing with unread bytes would take them from it."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
            return
        self._thrown = 0
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
        """The peer was gone before this phase began."""
        self.close()

    def _on_linger(self) -> None:
        try:
            count = self.socket.recv_into(take_buffer())
        except BlockingIOError:
            return
        except OSError:
            count = 0
        self._thrown += count
        if not count or self._thrown > _LINGER_BYTES:
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
