"""One connection from accept to close: heads, bodies that are taken in, deadlines; on the loop's thread."""

import socket
import time
from contextlib import suppress
from select import EPOLLERR, EPOLLHUP, EPOLLIN
from typing import TYPE_CHECKING, Final

from app.registry.http import PAUSES_KEY
from app.server import phases
from app.server.body import CollectedBody, Framing, StreamedBody
from app.server.exchange import Exchange
from app.server.head import Environ, Head, Incomplete, Refused
from app.server.wire import LINGER_BYTES, Wire
from app.storage.receive import CLOSES_KEY, take_buffer

if TYPE_CHECKING:
    from app.server.loop import Loop

_READ_BYTES: Final = 64 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_KEEP_LEASE_SECONDS: Final = 3.0


class Connection(Wire):
    """A peer's connection and the requests on it, one after the other."""

    __slots__ = ("_base", "_exchange", "_requests", "_window_began", "_window_moved", "_window_phase")

    def __init__(self, loop: "Loop", connection: socket.socket, address: str, base: Environ) -> None:
        """Begin to wait for the first request; ``base`` is what the environments of all of them have."""
        super().__init__(loop, connection, address)
        self._base = base
        self._requests = 0
        self._exchange: Exchange | None = None
        self._window_began, self._window_moved, self._window_phase = self.since, 0, self.phase

    def on_event(self, event: int) -> None:
        """Do what the peer makes possible."""
        phase, exchange = self.phase, self._exchange
        if phase == phases.HEAD:
            self._on_head()
        elif phase == phases.LINGER:
            self._on_linger()
        elif phase == phases.WORK:
            if event & (EPOLLHUP | EPOLLERR):
                self._unregister()
                self.gone = True
        elif exchange is None:
            self.close()
        elif phase == phases.SEND:
            exchange.on_writable()
            self._go_on()
        elif phase == phases.BODY:
            self._on_body(exchange)
        elif phase == phases.PAUSED:
            self._resume(exchange)
        elif phase == phases.DRAIN:
            self._on_drain(exchange)

    def served(self, *, keep: bool) -> None:
        """A request was answered; from the thread that owns the connection."""
        self._exchange = None
        self._requests += 1
        self.since = time.monotonic()
        self._window_phase = phases.HEAD
        here = self.loop.is_here()
        if not keep or not self._registered:
            self.phase = phases.WORK
            if here:
                self.end()
            else:
                self.loop.post(self.end)
            return
        self.phase = phases.HEAD
        if self.buffer and not here:
            self.loop.post(self._go_on)
        else:
            self._listen(EPOLLIN)

    # Heads

    def _on_head(self) -> None:
        try:
            received = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self.close()
        elif self.buffer:
            self._add(received)
        elif self._begin(received):
            self._go_on()

    def _add(self, received: bytes) -> None:
        """Add to a head that is not complete; it is looked at again when it may be."""
        buffer = self.buffer if isinstance(self.buffer, bytearray) else bytearray(self.buffer)
        self.buffer = buffer
        start = max(0, len(buffer) - 3)
        buffer += received
        if buffer.find(b"\r\n\r\n", start) >= 0 or len(buffer) > _READ_BYTES:
            self._go_on()

    def _go_on(self) -> None:
        """Serve what has been received already, request by request."""
        while self.buffer and self.phase == phases.HEAD and self._begin(bytes(self.buffer)):
            pass
        if self.phase == phases.HEAD:
            self._listen(EPOLLIN)

    def _begin(self, received: bytes) -> bool:
        """Serve the request at the beginning of ``received``; False when the next one cannot be begun."""
        try:
            head = self.loop.reader.read(received, self._base)
        except Incomplete:
            if not self.buffer:
                self.since = time.monotonic()
                self.buffer = received
            return False
        except Refused as refusal:
            self.buffer = b""
            self.refuse(refusal.status, refusal.message)
            return False
        self.buffer = received[head.consumed :] if len(received) > head.consumed else b""
        exchange = self._exchange = Exchange(self, head.environ, keep=head.keep)
        if head.length:
            return self._begin_body(head, exchange)
        head.environ["wsgi.input"] = self.loop.no_body
        return self._serve(exchange)

    def _serve(self, exchange: Exchange) -> bool:
        """Answer at once, or on a thread; True when the connection can go on with the next request."""
        loop, environ = self.loop, exchange.environ
        environ[CLOSES_KEY] = exchange.close_after_answer
        path: str = environ["PATH_INFO"]
        if loop.is_quick(environ["REQUEST_METHOD"], path) and exchange.answer_now():
            return self.phase == phases.HEAD
        self.phase = phases.WORK
        pool = loop.pool_for(path)
        if pool is None:
            self.refuse(503, "too many requests are waiting")
            return False
        self._listen(0)
        pool.submit(exchange.work)
        return False

    # Bodies

    def _begin_body(self, head: Head, exchange: Exchange) -> bool:
        environ = head.environ
        if head.expects:
            with suppress(OSError):
                self.socket.send(_CONTINUE)
        framing = Framing(head.length)
        received, self.buffer = bytes(self.buffer), b""
        if self.loop.is_streamed(environ["PATH_INFO"]) or head.length > self.loop.limits.collected:
            exchange.body = environ["wsgi.input"] = StreamedBody(self.socket, framing, received, self.loop.pool.busy)
            environ[PAUSES_KEY] = True
            return self._serve(exchange)
        body = exchange.body = environ["wsgi.input"] = CollectedBody(framing, self.loop.budget)
        self.wait(phases.BODY, EPOLLIN)
        return self._collect(exchange, body, bytearray(received), len(received))

    def _on_body(self, exchange: Exchange) -> None:
        body, buffer = exchange.body, take_buffer()
        if not isinstance(body, CollectedBody):
            self.close()
            return
        try:
            count = self.socket.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if not count:
            body.end()
        if self._collect(exchange, body, buffer, count):
            self._go_on()

    def _collect(self, exchange: Exchange, body: CollectedBody, buffer: bytearray, count: int) -> bool:
        """Take in what has come; serves the request once that is all, broken, or more than is taken in."""
        self.since = time.monotonic()
        self.moved += count
        rest = body.add(buffer, count) if count else b""
        if not body.framing.done and body.error is None and body.size <= self.loop.limits.collected:
            return False
        self.buffer = rest
        if not body.framing.done:
            exchange.close_after_answer()
        body.rewind()
        return self._serve(exchange)

    def _resume(self, exchange: Exchange) -> None:
        self.phase = phases.WORK
        self._mask = 0
        self.loop.pool.submit(exchange.resume)

    def _on_drain(self, exchange: Exchange) -> None:
        body = exchange.body
        if not isinstance(body, StreamedBody):
            self.close()
            return
        thrown = body.discard(LINGER_BYTES)
        self._thrown += thrown or 0
        enough = self._thrown > max(self.loop.limits.drained, body.unwanted)
        if body.done or body.framing.broken or thrown is None or enough:
            self._end_drain(exchange, whole=body.done)

    def _end_drain(self, exchange: Exchange, *, whole: bool) -> None:
        self._thrown = 0
        exchange.on_drained(whole=whole)
        self._go_on()

    # Deadlines

    def idle_since(self, now: float) -> float | None:
        """Since when nothing would be lost by the connection's end, or nothing has moved; None while it is in use."""
        if self.phase in (phases.HEAD, phases.LINGER):
            return self.since
        stalled = self.phase in (phases.SEND, phases.BODY) and now - self.since > self.loop.limits.stalled_seconds
        return now if stalled else None

    def check(self, now: float) -> None:
        """End the phase when its time is over."""
        phase, limits = self.phase, self.loop.limits
        if phase == phases.HEAD:
            fresh = self.buffer or not self._requests
            if now - self.since > (limits.head_seconds if fresh else limits.idle_seconds):
                self._end_idle()
        elif phase == phases.LINGER:
            if now - self.since > limits.linger_seconds:
                self.close()
        elif phase != phases.WORK and self._exchange is not None:
            self._check_exchange(self._exchange, now)

    def stop_soon(self) -> None:
        """The process has begun to stop: wait for a request no longer than for a peer that is closing."""
        if self.phase == phases.HEAD:
            limits = self.loop.limits
            self.since = time.monotonic() - max(0.0, limits.idle_seconds - limits.linger_seconds)
            self._requests += 1

    def abandon(self) -> None:
        """End whatever is under way, as the process does."""
        if self._exchange is not None and self.phase in (phases.PAUSED, phases.SEND, phases.DRAIN):
            self.gone = True
            self.hand_over(self._exchange.abandon)
        elif self.phase != phases.WORK:
            self.close()

    def close(self) -> None:
        """Close at once."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.release()
        super().close()

    def _check_exchange(self, exchange: Exchange, now: float) -> None:
        body, limits = exchange.body, self.loop.limits
        moved = self.moved + (body.moved if isinstance(body, StreamedBody) else 0)
        if self.phase == phases.DRAIN and isinstance(body, StreamedBody) and body.unwanted <= limits.drained:
            if now - self.since > limits.drain_seconds:
                self._end_drain(exchange, whole=False)
        elif self.phase != self._window_phase:
            self._window_began, self._window_moved, self._window_phase = now, moved, self.phase
        elif now - self._window_began >= limits.rate_seconds:
            slow = moved - self._window_moved < limits.rate * limits.rate_seconds
            self._window_began, self._window_moved = now, moved
            if slow:
                self._end_slow(exchange)
        elif self.phase == phases.PAUSED and now - self.since > _KEEP_LEASE_SECONDS:
            self._resume(exchange)

    def _end_slow(self, exchange: Exchange) -> None:
        """The peer is too slow."""
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

    def _on_gone(self) -> None:
        """The peer was gone before this phase began."""
        if self._exchange is not None and self.phase == phases.PAUSED:
            self._resume(self._exchange)
        else:
            self.abandon()
