"""Accept connections: a process with more than others steps back, and of many clients each is served in turn."""

import errno
import select
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog

from app.server.environment import Base
from app.server.share import Seat
from app.server.turns import Turns
from app.server.wire import place_of

_ACCEPTED_AT_ONCE: Final = 256
_TAKEN_AT_ONCE: Final = 32
_FEW: Final = 256
_EVERY: Final = 16
_STEP_BACK_SECONDS: Final = 0.002
_NO_DESCRIPTORS_SECONDS: Final = 0.1
_NO_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_log = structlog.get_logger()


class Accepted:
    """A new connection: its socket, the client's address and port, and what its requests' environments begin with."""

    __slots__ = ("address", "base", "place", "port", "socket")

    def __init__(self, accepted: socket.socket, address: str, port: int, base: Base) -> None:
        """Describe a connection from ``address`` and ``port``."""
        self.socket = accepted
        self.address = address
        self.port = port
        self.base = base
        self.place = place_of(address)


class Door:
    """The listening sockets of one process; on the loop's thread."""

    def __init__(self, listeners: Sequence[socket.socket], epoll: select.epoll, seat: Seat | None, most: int) -> None:
        """Prepare to accept from ``listeners``; ``seat`` is this process's on the board of all web processes.

        ``most`` accepted connections wait for their turn, further ones in the kernel's queue.
        """
        self._seat = seat
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._bases = {
            listener.fileno(): Base(listener.getsockname(), several=seat is not None) for listener in listeners
        }
        self._epoll = epoll
        self._paused: dict[int, float] = {}
        self._waiting: Turns[Accepted] = Turns()
        self._most = most

    @property
    def waiting(self) -> int:
        """The number of accepted connections that have not been taken."""
        return len(self._waiting)

    @property
    def paused(self) -> bool:
        """Whether a listening socket is not listened to for a while."""
        return bool(self._paused)

    def open(self) -> None:
        """Begin to listen."""
        for descriptor, listener in self._listeners.items():
            listener.settimeout(0)
            self._epoll.register(descriptor, select.EPOLLIN)
        self.tell(0)

    def close(self) -> None:
        """Accept no more; those that wait for their turn are still taken."""
        for descriptor, listener in self._listeners.items():
            if descriptor not in self._paused:
                self._epoll.unregister(descriptor)
            listener.close()
        self._listeners.clear()
        self._paused.clear()
        if self._seat is not None:
            self._seat.leave()

    def end(self) -> None:
        """Close the connections that have not been taken."""
        while self._waiting:
            self._waiting.take().socket.close()

    def patience(self, most: float) -> float:
        """Return how long the loop may wait for events, at most ``most``; end pauses that are over."""
        if self._waiting:
            return 0.0
        if not self._paused:
            return most
        now = time.monotonic()
        return max(0.0, min(most, min(self._paused.values()) - now))

    def accept(self, connections: int, make_room: Callable[[], None]) -> None:
        """Accept what waits at the listening sockets, when this process has ``connections``.

        ``make_room`` is called when the system has no descriptor left.
        """
        now = time.monotonic()
        for descriptor, listener in self._listeners.items():
            stepped_back = descriptor in self._paused
            if stepped_back and now < self._paused[descriptor]:
                continue
            self._paused.pop(descriptor, None)
            self._accept(listener, connections, make_room, stepped_back=stepped_back)
            if stepped_back and descriptor not in self._paused:
                self._epoll.register(descriptor, select.EPOLLIN)

    def tell(self, connections: int) -> None:
        """Tell the other processes that this one lives and has so many connections."""
        if self._seat is not None:
            self._seat.write(connections + len(self._waiting))

    def take(self, receive: Callable[[Accepted], None]) -> None:
        """Call ``receive`` with the connections whose turn it is."""
        for _ in range(min(_TAKEN_AT_ONCE, len(self._waiting))):
            accepted = self._waiting.take()
            try:
                receive(accepted)
            except Exception:  # noqa: BLE001 - a defect ends one connection, not all
                _log.exception("a connection could not be taken")
                accepted.socket.close()

    def _accept(
        self, listener: socket.socket, connections: int, make_room: Callable[[], None], *, stepped_back: bool
    ) -> None:
        """Accept waiting connections; a process with more than others pauses once, so that those accept first."""
        waiting, base = self._waiting, self._bases[listener.fileno()]
        for number in range(min(_ACCEPTED_AT_ONCE, self._most - len(waiting))):
            if not (stepped_back and not number) and self._is_ahead(connections + len(waiting)):
                self._pause(listener, _STEP_BACK_SECONDS)
                return
            try:
                accepted, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _NO_RESOURCES:
                    make_room()
                    self._pause(listener, _NO_DESCRIPTORS_SECONDS)
                    return
                continue
            new = Accepted(accepted, sys.intern(str(address[0])), int(address[1]), base)
            waiting.add(new.place, new)
            self.tell(connections)

    def _is_ahead(self, connections: int) -> bool:
        """Tell whether to step back; of more than _FEW connections, every sixteenth looks."""
        if self._seat is None or (connections > _FEW and connections % _EVERY):
            return False
        return self._seat.is_ahead(connections)

    def _pause(self, listener: socket.socket, seconds: float) -> None:
        with suppress(OSError):
            self._epoll.unregister(listener.fileno())
        self._paused[listener.fileno()] = time.monotonic() + seconds
