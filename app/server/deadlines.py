"""End a connection's phase that has lasted too long; on the loop's thread."""

import socket
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from app.server import phases
from app.server.body import StreamedBody
from app.server.exchange import Exchange
from app.server.wire import Wire

if TYPE_CHECKING:
    from app.server.loop import Loop

_KEEP_LEASE_SECONDS: Final = 3.0
_LONG_SECONDS: Final = 1.0
_UNDER_WAY: Final = frozenset({phases.BODY, phases.PAUSED, phases.SEND})


class Timed(Wire):
    """A connection with deadlines; the subclass implements what ends its requests."""

    __slots__ = (
        "_exchange",
        "_requests",
        "_resumed",
        "_seen_at",
        "_seen_moved",
        "_window_began",
        "_window_moved",
        "_window_phase",
    )

    def __init__(self, loop: "Loop", connection: socket.socket, address: str, place: str) -> None:
        """Wait for the first request."""
        super().__init__(loop, connection, address, place)
        self._exchange: Exchange | None = None
        self._requests = 0
        self._resumed = self._seen_at = self._window_began = self.since
        self._seen_moved = self._window_moved = 0
        self._window_phase = self.phase

    @property
    def idle_since(self) -> float | None:
        """Since when the connection could be closed without loss; None while it is in use."""
        return self.since if self.phase in (phases.HEAD, phases.LINGER) else None

    @property
    def stalled_since(self) -> float | None:
        """Since when the peer has sent and read no byte of the current request; None while it is not waited for."""
        return self._seen_at if self.phase in _UNDER_WAY and self.phase == self._window_phase else None

    @property
    def unread(self) -> int:
        """Bytes of the answer in memory that the peer has not read."""
        exchange = self._exchange
        return 0 if exchange is None or self.phase != phases.SEND else exchange.unsent

    def check(self, now: float) -> None:
        """End the phase when its deadline has passed."""
        phase, limits = self.phase, self.loop.limits
        if phase == phases.WORK:
            return
        if not self._registered:
            self._on_gone()
        elif phase == phases.HEAD:
            fresh = self.buffer or not self._requests
            if now - self.since > (limits.head_seconds if fresh else limits.idle_seconds):
                self._end_idle()
        elif phase == phases.LINGER:
            if now - self.since > limits.linger_seconds:
                self.close()
        elif self._exchange is not None:
            self._check_exchange(self._exchange, now)

    def stop_soon(self) -> None:
        """Shorten the wait for the next request, because the process is stopping.

        A request whose head has begun to arrive keeps its deadline.
        """
        if self.phase == phases.HEAD and not self.buffer:
            limits = self.loop.limits
            self.since = time.monotonic() - max(0.0, limits.idle_seconds - limits.linger_seconds)
            self._requests += 1

    def end_stalled(self) -> None:
        """End a stalled request to make room for others."""
        if self._exchange is not None and self.stalled_since is not None:
            self._end_slow(self._exchange)

    def _check_exchange(self, exchange: Exchange, now: float) -> None:
        body, limits = exchange.body, self.loop.limits
        moved = self.moved + (body.moved if isinstance(body, StreamedBody) else 0)
        if moved != self._seen_moved or self.phase != self._window_phase:
            self._seen_moved, self._seen_at = moved, now
        if self.phase == phases.DRAIN and isinstance(body, StreamedBody) and body.discard_limit <= limits.drained:
            if now - self.since > limits.drain_seconds:
                self._end_drain(exchange, whole=False)
        elif self.phase != self._window_phase:
            self._window_began, self._window_moved, self._window_phase = now, moved, self.phase
        elif now - self._since_window() >= limits.rate_seconds:
            slow = moved - self._window_moved < limits.rate * limits.rate_seconds
            self._window_began, self._window_moved = now, moved
            if slow:
                self._end_slow(exchange)
        elif self.phase == phases.PAUSED and now - self.since > _KEEP_LEASE_SECONDS:
            self._resume(exchange)

    def _since_window(self) -> float:
        """Return when the window began, plus the time that the body waited for a thread, or a thread for the disk."""
        if self.phase == phases.PAUSED and self.since - self._resumed > _LONG_SECONDS:
            self._window_began += self.since - self._resumed
            self._resumed = self.since
        return self._window_began

    def _end_slow(self, exchange: Exchange) -> None:
        """End the request because the peer is too slow."""
        rate = self.loop.limits.rate
        if self.phase == phases.BODY:
            exchange.release()
            self.refuse(408, f"the body came slower than {rate} bytes a second")
        elif self.phase == phases.PAUSED and isinstance(exchange.body, StreamedBody):
            exchange.body.refuse(f"the content came slower than {rate} bytes a second")
            self._resume(exchange)
        else:
            self.gone = True
            self.hand_over(exchange.abandon)

    def _end_idle(self) -> None:
        if self.buffer:
            self.refuse(408, "the head of the request did not arrive in time")
        else:
            self.close()

    @abstractmethod
    def _resume(self, exchange: Exchange) -> None:
        """Let a thread go on with the streamed body."""

    @abstractmethod
    def _end_drain(self, exchange: Exchange, *, whole: bool) -> None:
        """Stop discarding the body and send the answer."""
