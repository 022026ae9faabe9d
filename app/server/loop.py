"""The event loop of one web process: accepts connections, answers quick requests, gives others to threads."""

import io
import os
import select
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog

from app.core.blocking import WouldBlock, forbid_blocking
from app.core.budget import ByteBudget
from app.server import bounds
from app.server.answer import Header
from app.server.body import BodyRoom
from app.server.connection import Connection
from app.server.door import Accepted, Door
from app.server.head import Environ, HeadReader
from app.server.limits import Limits
from app.server.pace import Pace
from app.server.pool import Pool
from app.server.routing import is_quick, is_quick_without_queries, is_reserved
from app.server.sender import Sender
from app.server.share import Seat
from app.server.wire import Wire

Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_SWEEP_SECONDS: Final = 0.5
_ENDED_AT_ONCE: Final = 256
"""Connections that a sweep ends at most, so that thousands of clients do not reconnect all at once."""
_EVENTS: Final = 256
_LOOKED_AT_BYTES: Final = 4 * 1024 * 1024
_LOGGED_REFUSALS: Final = 20
_log = structlog.get_logger()


class Loop:
    """Serves an application on listening sockets until ``stop`` is called."""

    def __init__(
        self, application: Application, listeners: Sequence[socket.socket], limits: Limits, seat: Seat | None = None
    ) -> None:
        """Prepare the loop; ``run`` serves. ``seat`` is this process's slot on the board of all web processes."""
        self.application = application
        self.limits = limits
        self.epoll = select.epoll()
        self.reader = HeadReader()
        self.header = Header()
        self._pace = Pace()
        self.pool = Pool(limits.threads, "web", self._pace)
        self.room = BodyRoom(ByteBudget(limits.collected_in_memory), ByteBudget(limits.collected_in_files))
        self.no_body = io.BytesIO()
        self.stopping = False
        self.sending: set[Sender] = set()  # those that send a file
        self.is_quick = is_quick if limits.queries_at_once else is_quick_without_queries
        self._reserve = Pool(2, "web-reserve")
        self._door = Door(listeners, self.epoll, seat, max(1, limits.connections // 4))
        self._watched: dict[int, Callable[[], None]] = {}
        self._connections: dict[int, Connection] = {}
        self._places: Counter[str] = Counter()
        self._posted: deque[Callable[[], None]] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._ended = False
        self._thread = 0
        self._next_sweep = 0.0
        self._stop_at = float("inf")
        self._refusals = self._held = 0

    def run(self, on_sweep: Callable[[], None] = lambda: None) -> None:
        """Serve until ``stop`` is called and the current requests are answered, or ``stop_seconds`` have passed.

        ``on_sweep`` is called about twice a second.
        """
        self._thread = threading.get_ident()
        forbid_blocking()
        self._door.open()
        self.epoll.register(self._bell, select.EPOLLIN)
        while not (self.stopping and (self._is_empty() or time.monotonic() > self._stop_at)):
            self._turn()
            now = time.monotonic()
            self._pace.end(now)
            if now >= self._next_sweep:
                self._next_sweep = now + _SWEEP_SECONDS
                self._sweep(now)
                on_sweep()
        self._end()

    def stop(self) -> None:
        """Stop accepting and let ``run`` return; from any thread, and from a signal handler."""
        self.post(self._begin_to_stop)

    def post(self, task: Callable[[], None]) -> None:
        """Run ``task`` on the loop's thread; from any thread."""
        self._posted.append(task)
        if not self._ended:
            with suppress(OSError):
                os.eventfd_write(self._bell, 1)

    def watch(self, descriptor: int, task: Callable[[], None]) -> None:
        """Run ``task`` whenever ``descriptor`` is readable."""
        self._watched[descriptor] = task
        self.epoll.register(descriptor, select.EPOLLIN)

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    def is_here(self) -> bool:
        """Tell whether the caller runs on the loop's thread."""
        return threading.get_ident() == self._thread

    def pool_for(self, path: str, authorization: str, place: str) -> Pool | None:
        """Return the thread pool for a request of ``place``; None when too many requests wait for a thread."""
        if is_reserved(path, authorization):
            return self._reserve if self._reserve.takes(place, self.limits.waiting) else None
        return self.pool if self.pool.takes(place, self.limits.waiting) else None

    def forget(self, connection: Wire) -> None:
        """Remove a closed connection."""
        if self._connections.get(connection.descriptor) is connection:
            del self._connections[connection.descriptor]
            self._places[connection.place] -= 1
            if self._places[connection.place] <= 0:
                del self._places[connection.place]

    def holds(self, count: int) -> None:
        """Note that a connection buffers ``count`` more bytes; from time to time, check all against the limit."""
        self._held += count
        if self._held > _LOOKED_AT_BYTES:
            self._held = 0
            self.post(self._shed)

    def refused(self, address: str, status: int, message: str) -> None:
        """Log a refused request; of many, the first _LOGGED_REFUSALS between two sweeps."""
        self._refusals += 1
        if self._refusals <= _LOGGED_REFUSALS:
            _log.warning("request refused", address=address, status=status, reason=message)

    def _turn(self) -> None:
        """Wait for events, at most until the next sweep, and handle them."""
        connections, door = self._connections, self._door
        events = self.epoll.poll(door.patience(_SWEEP_SECONDS), _EVENTS)
        self._pace.begin()
        knocks = len(events) == _EVENTS
        for descriptor, event in events:
            connection = connections.get(descriptor)
            if connection is not None:
                try:
                    connection.on_event(event)
                except (Exception, WouldBlock):  # noqa: BLE001 - a defect ends one connection, not all
                    _log.exception("a connection failed")
                    connection.fail()
            elif descriptor == self._bell:
                self._run_posted()
            elif descriptor in self._watched:
                self._watched[descriptor]()
            else:
                knocks = True
        if knocks or door.paused:
            door.accept(len(connections), self._make_room)
        if door.waiting:
            door.take(self._receive)

    def _run_posted(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        for _ in range(len(self._posted)):
            task = self._posted.popleft()
            try:
                task()
            except (Exception, WouldBlock):  # noqa: BLE001 - as above
                _log.exception("the web server's loop failed at a task")
                owner = getattr(task, "__self__", None)
                if isinstance(owner, Connection):
                    owner.fail()

    # Accepting

    def _is_empty(self) -> bool:
        return not self._connections and not self._door.waiting

    def _make_room(self) -> None:
        bounds.evict(self._connections, None)

    def _receive(self, accepted: Accepted) -> None:
        """Begin to serve a new connection, in the place of idle ones when there are too many."""
        connections, limits = self._connections, self.limits
        if self._is_full(accepted):
            bounds.evict(connections, accepted.place)
        if len(connections) >= limits.connections:
            bounds.evict(connections, None)
        if len(connections) >= limits.connections or self._is_full(accepted):
            accepted.socket.close()
            return
        accepted.socket.settimeout(0)
        accepted.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(self, accepted)
        connections[connection.descriptor] = connection
        self._places[connection.place] += 1
        try:
            connection.begin()
        except (Exception, WouldBlock):  # noqa: BLE001 - as above
            _log.exception("a connection failed")
            connection.fail()

    def _is_full(self, accepted: Accepted) -> bool:
        limits = self.limits
        count = self._places[accepted.place]
        return count >= limits.connections_per_address and not limits.stands_for_many(accepted.address)

    # Deadlines and the end

    def _sweep(self, now: float) -> None:
        ended = 0
        for connection in list(self._connections.values()):
            phase = connection.phase
            try:
                connection.check(now)
            except (Exception, WouldBlock):  # noqa: BLE001 - as above
                _log.exception("a connection failed")
                connection.fail()
            ended += connection.phase != phase
            if ended >= _ENDED_AT_ONCE:
                break
        bounds.make_room(self._connections, self.limits, now)
        self._shed()
        if not self.stopping:
            self._door.tell(len(self._connections))
        if self._refusals > _LOGGED_REFUSALS:
            _log.warning("requests refused", further=self._refusals - _LOGGED_REFUSALS)
        self._refusals = 0

    def _shed(self) -> None:
        bounds.shed(self._connections, self.limits, time.monotonic())

    def _begin_to_stop(self) -> None:
        if self.stopping:
            return
        self.stopping = True
        self._stop_at = time.monotonic() + self.limits.stop_seconds
        self._door.close()
        for connection in list(self._connections.values()):
            connection.stop_soon()

    def _end(self) -> None:
        self._door.end()
        for connection in list(self._connections.values()):
            connection.abandon()
        self.pool.stop(1.0)
        self._reserve.stop(0.1)
        self._run_posted()
        for connection in list(self._connections.values()):
            connection.close()
        self._ended = True
        os.close(self._bell)
        self.epoll.close()
