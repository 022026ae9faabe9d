"""One connection from accept to close: receives heads and bodies and starts requests; on the loop's thread."""

import time
from contextlib import suppress
from select import EPOLLERR, EPOLLHUP, EPOLLIN
from typing import TYPE_CHECKING, Final

from app.registry.http import HERE_KEY, PAUSES_KEY
from app.registry.receive import CLOSES_KEY
from app.server import phases
from app.server.body import CollectedBody, StreamedBody
from app.server.buffers import take_buffer
from app.server.deadlines import Timed
from app.server.door import Accepted
from app.server.exchange import Exchange
from app.server.framing import Framing
from app.server.head import Head, Incomplete, Refused
from app.server.routing import is_streamed

if TYPE_CHECKING:
    from app.server.loop import Loop

_READ_BYTES: Final = 64 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_CODED_BYTES: Final = 16 * 1024
"""Bytes of a chunked body that are decoded in one turn of the loop, as chunks of one byte take long."""
_DISCARDED_BYTES: Final = 1024 * 1024
_AT_ONCE: Final = 4
"""Requests of one connection that are served in one turn of the loop."""


class Connection(Timed):
    """A connection and its requests, one after another."""

    __slots__ = ("_base", "_here", "_port")

    def __init__(self, loop: "Loop", accepted: Accepted) -> None:
        """Wait for the first request."""
        super().__init__(loop, accepted.socket, accepted.address, accepted.place)
        self._base = accepted.base
        self._port = str(accepted.port)
        self._here = accepted.base.here(accepted.socket)

    def begin(self) -> None:
        """Serve what the peer has sent already, as most do before their connection is accepted."""
        self._on_head()

    def on_event(self, event: int) -> None:
        """Handle an epoll event in the connection's current phase."""
        phase, exchange = self.phase, self._exchange
        if phase == phases.WORK:
            if event & (EPOLLHUP | EPOLLERR):
                self._unregister()
                self.gone = True
            return
        self.owned = True
        if phase == phases.HEAD:
            self._on_head()
        elif phase == phases.LINGER:
            self._on_linger()
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
        """Go on after an answer was sent: keep the connection or end it; on the thread that owns it."""
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
        elif self.buffer and not here:
            self.loop.post(self._next)
        else:
            self.phase = phases.HEAD
            self._listen(EPOLLIN)

    def _next(self) -> None:
        """Serve the bytes that came while a thread made the answer."""
        if self.phase == phases.WORK:
            self.phase, self.owned = phases.HEAD, True
            self._go_on()

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
        """Add bytes to an incomplete head, and parse it again when it may be complete."""
        buffer = self.buffer if isinstance(self.buffer, bytearray) else bytearray(self.buffer)
        self.buffer = buffer
        start = max(0, len(buffer) - 3)
        buffer += received
        if buffer.find(b"\r\n\r\n", start) >= 0 or len(buffer) > _READ_BYTES:
            self._go_on()
        else:
            self.loop.holds(len(received))

    def _go_on(self) -> None:
        """Serve the buffered requests, _AT_ONCE in this turn of the loop and the others in later ones."""
        left = _AT_ONCE
        while self.buffer and self.phase == phases.HEAD and self.owned:
            if not left:
                self._listen(0)
                self.loop.post(self._go_on)
                self.loop.holds(len(self.buffer))
                return
            left -= 1
            if not self._begin(bytes(self.buffer)):
                break
        if self.phase == phases.HEAD and self.owned:
            self._listen(EPOLLIN)

    def _begin(self, received: bytes) -> bool:
        """Start the request at the beginning of ``received``; False when the next one has to wait."""
        try:
            head = self.loop.reader.read(received, self._base.shared)
        except Incomplete:
            if not self.buffer:
                self.since = time.monotonic()
                self.buffer = received
                self.loop.holds(len(received))
            return False
        except Refused as refusal:
            self.buffer = b""
            self.refuse(refusal.status, refusal.message)
            return False
        self.buffer = received[head.consumed :] if len(received) > head.consumed else b""
        environ = head.environ
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"], environ[HERE_KEY] = self.address, self._port, self._here
        exchange = self._exchange = Exchange(self, environ, keep=head.keep)
        if head.length:
            return self._begin_body(head, exchange)
        environ["wsgi.input"] = self.loop.no_body
        return self._serve(exchange)

    def _serve(self, exchange: Exchange) -> bool:
        """Answer on the loop's thread or submit to a pool's; True when the next request can be served now."""
        loop, environ, body = self.loop, exchange.environ, exchange.body
        environ[CLOSES_KEY] = exchange.close_after_answer
        path: str = environ["PATH_INFO"]
        if (body is None or body.is_small) and loop.is_quick(environ["REQUEST_METHOD"], path) and exchange.answer_now():
            return self.owned and self.phase == phases.HEAD
        self.phase, self.owned = phases.WORK, False
        pool = loop.pool_for(path, environ.get("HTTP_AUTHORIZATION", ""), self.place)
        if pool is None:
            self.refuse(503, "too many requests are waiting")
            return False
        self._listen(0)
        pool.submit(exchange.work, self.place)
        return False

    # Bodies

    def _begin_body(self, head: Head, exchange: Exchange) -> bool:
        environ = head.environ
        if head.expects:
            with suppress(OSError):
                self.socket.send(_CONTINUE)
        framing = Framing(head.length)
        received, self.buffer = bytes(self.buffer), b""
        streamed, limit = is_streamed(environ["PATH_INFO"]), self.loop.limits.collected
        if streamed or head.length > limit:
            unread = exchange.body = StreamedBody(self.socket, framing, received, self.loop.pool.busy)
            environ["wsgi.input"], environ[PAUSES_KEY] = unread, streamed
            if not streamed:
                unread.refuse(f"the body has more than {limit} bytes")
            return self._serve(exchange)
        body = exchange.body = environ["wsgi.input"] = CollectedBody(framing, self.loop.room)
        self.wait(phases.BODY, EPOLLIN)
        return self._collect(exchange, body, bytearray(received), len(received))

    def _on_body(self, exchange: Exchange) -> None:
        body, buffer = exchange.body, take_buffer()
        if not isinstance(body, CollectedBody):
            self.close()
            return
        try:
            count = self.socket.recv_into(buffer, _CODED_BYTES if body.framing.decoder else len(buffer))
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if not count:
            exchange.release()
            self.refuse(400, body.framing.error_at_end().message, "SIZE_INVALID")
        elif self._collect(exchange, body, buffer, count):
            self._go_on()

    def _collect(self, exchange: Exchange, body: CollectedBody, buffer: bytearray, count: int) -> bool:
        """Add received bytes to the body; serve the request once the body is complete, broken or too long."""
        self.moved += count
        rest = body.add(buffer, count) if count else b""
        limit = self.loop.limits.collected
        if not body.has_room:
            exchange.release()
            self.refuse(503, "too many large requests are on their way")
            return False
        if not body.framing.done and body.error is None and body.size <= limit:
            return False
        self.buffer = rest
        if rest:
            self.loop.holds(len(rest))
        if not body.framing.done:
            exchange.close_after_answer()
            if body.error is None:
                body.cut(limit)
        body.rewind()
        return self._serve(exchange)

    def _resume(self, exchange: Exchange) -> None:
        self.phase, self.owned = phases.WORK, False
        self._mask = 0
        self._resumed = time.monotonic()
        self.loop.pool.submit(exchange.resume, self.place)

    def _on_drain(self, exchange: Exchange) -> None:
        body = exchange.body
        if not isinstance(body, StreamedBody):
            self.close()
            return
        count = body.discard(_CODED_BYTES if body.framing.decoder else _DISCARDED_BYTES)
        self._discarded += count or 0
        enough = self._discarded > max(self.loop.limits.drained, body.discard_limit)
        if body.done or body.framing.broken or count is None or enough:
            self._end_drain(exchange, whole=body.done)

    def _end_drain(self, exchange: Exchange, *, whole: bool) -> None:
        self._discarded = 0
        exchange.on_drained(whole=whole)
        self._go_on()

    # The end

    def abandon(self) -> None:
        """End the connection because the process ends."""
        if self._exchange is not None and self.phase in (phases.PAUSED, phases.SEND, phases.DRAIN):
            self.gone = True
            self.hand_over(self._exchange.abandon)
        elif self.phase != phases.WORK:
            self.close()

    def fail(self) -> None:
        """End the connection after a defect."""
        if self.phase == phases.WORK:
            self.close()
        else:
            self.abandon()

    def shed(self) -> None:
        """Drop received bytes: those after the current request, or else the whole connection."""
        if self.phase == phases.WORK and self._exchange is not None:
            self._exchange.close_after_answer()
            self.buffer = b""
        else:
            self.abandon()

    def close(self) -> None:
        """Close at once."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.release()
        super().close()

    def _on_gone(self) -> None:
        """Handle a peer that was gone before this phase began."""
        if self._exchange is not None and self.phase == phases.PAUSED:
            self._resume(self._exchange)
        else:
            self.abandon()
