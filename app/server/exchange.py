"""Serve one request: run the application on the loop's thread or a pool's, send its answer without waiting."""

from collections.abc import Callable, Iterator
from select import EPOLLIN, EPOLLONESHOT
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog

from app.core.blocking import WouldBlock
from app.server import phases
from app.server.answer import Answer, FileAnswer
from app.server.body import CollectedBody, StreamedBody
from app.server.head import Environ
from app.server.routing import is_whole
from app.server.sender import Sender

if TYPE_CHECKING:
    from app.server.connection import Connection

_DISCARDED: Final = 256 * 1024
_log = structlog.get_logger()


class Exchange(Sender):
    """Serves one request of a connection; its methods run on one thread at a time, the loop's or a pool's."""

    __slots__ = (
        "_answer",
        "_begun",
        "_closes",
        "_iterator",
        "_keep",
        "_produced",
        "_sent",
        "body",
        "environ",
    )

    def __init__(self, connection: "Connection", environ: Environ, *, keep: bool) -> None:
        """Prepare the request of ``environ``; ``keep`` tells that the client wants to keep the connection."""
        super().__init__(connection)
        self.body: CollectedBody | StreamedBody | None = None
        self.environ = environ
        self._keep = keep
        self._answer = Answer(
            connection.loop.header, environ["REQUEST_METHOD"], 1 if environ["SERVER_PROTOCOL"] == "HTTP/1.1" else 0
        )
        self._closes = False
        self._begun = False
        self._produced: Any = None
        self._iterator: Iterator[bytes] | None = None
        self._sent = 0

    def answer_now(self) -> bool:
        """Answer on the loop's thread; False, with nothing done, when that would make the loop wait."""
        answer, environ = self._answer, self.environ.copy()
        try:
            produced = self._connection.loop.application(environ, answer.start)
        except WouldBlock:
            return False
        except Exception:  # noqa: BLE001 - the edge: any failure is answered
            self._fail()
            return True
        self.environ = environ
        if type(produced) is tuple and self.body is None and not self._closes:
            self._send_whole(produced[0] if len(produced) == 1 else b"".join(produced))
        else:
            self._deliver(produced)
            if self._iterator is not None and is_whole(self.environ["PATH_INFO"]):
                self.resume()
            elif self._iterator is not None:
                self._connection.hand_over(self.resume)
        return True

    def work(self) -> None:
        """Answer on a thread that may wait."""
        if isinstance(self.body, CollectedBody):
            self.body.rewind()
        self._answer = Answer(self._connection.loop.header, self.environ["REQUEST_METHOD"], self._answer.minor)
        try:
            produced = self._connection.loop.application(self.environ, self._answer.start)
        except BaseException:  # noqa: BLE001 - the edge: whatever ends the thread's work, the client gets an answer
            self._fail()
            return
        self._deliver(produced)
        if self._iterator is not None:
            self.resume()

    def resume(self) -> None:
        """Send the next pieces of the application's iterable, on a thread that may wait unless they are in memory."""
        assert self._iterator is not None  # noqa: S101 - its callers check this
        try:
            for piece in self._iterator:
                if not piece:
                    if not self._answer.status and self._pauses():
                        self._connection.wait(phases.PAUSED, EPOLLIN | EPOLLONESHOT)
                        return
                    continue
                if not self._send_piece(piece):
                    return
        except BaseException:  # noqa: BLE001 - the edge: whatever ends the thread's work, the client gets an answer
            self._fail()
            return
        self._iterator = None
        if not self._answer.status:
            self._fail()
        elif self._begun:
            if not self._answer.chunked or self._send(self._answer.end()):
                self._finish()
        else:
            self._send_whole(b"")

    def abandon(self) -> None:
        """Close the application's iterable and the connection, on a thread that may wait."""
        self._close_produced()
        self._connection.loop.post(self._connection.close)

    def on_drained(self, *, whole: bool) -> None:
        """Send the answer after the unread body was discarded, ``whole`` or in part; on the loop's thread."""
        self._closes = self._closes or not whole
        self._send_head_with(bytes(self._pending))

    def release(self) -> None:
        """Free what the request occupies, whether or not it was answered."""
        super().release()
        if isinstance(self.body, CollectedBody):
            self.body.close()

    def close_after_answer(self) -> None:
        """Close the connection after the answer, which announces it."""
        self._closes = True

    # What the application has returned

    def _deliver(self, produced: Any) -> None:  # noqa: ANN401 - any iterable of bytes
        self._produced = produced
        try:
            content = self._content(produced)
        except Exception:  # noqa: BLE001 - the edge: what cannot be sent is a failure of the application
            self._fail()
            return
        if content is not None:
            self._send_whole(content)
        elif self._left:
            self._begun = True
            self.environ.pop("HTTP_AUTHORIZATION", None)
            self._send_file_behind(self._answer.head(keep=self._keeps()))

    def _content(self, produced: Any) -> bytes | None:  # noqa: ANN401 - as above
        """Return a body that is in memory; for any other prepare a file or an iterator to send, and return None."""
        answer = self._answer
        if isinstance(produced, list | tuple):
            return b"".join(produced)
        if not isinstance(produced, FileAnswer) or answer.length is None:
            self._iterator = iter(produced)
            return None
        content = b"" if answer.bodiless else produced.small(answer.length)
        if content is None:
            self._take_file(produced.filelike.fileno(), answer.length)
        return content

    def _send_whole(self, content: bytes) -> None:
        answer = self._answer
        if not answer.status:
            self._fail()
            return
        if answer.bodiless:
            content = b""
        elif answer.length is not None and len(content) != answer.length:
            content = content[: answer.length]
            self._closes = self._closes or len(content) < answer.length
        body = self.body
        if isinstance(body, StreamedBody) and self._rest_may_go(body):
            body.discard(body.framing.left or _DISCARDED)
            if body.framing.broken:
                self._closes = True
            elif not body.done:
                self._pending = content
                self._connection.wait(phases.DRAIN, EPOLLIN)
                return
        self._send_head_with(content)

    def _send_head_with(self, content: bytes) -> None:
        head = self._answer.head(keep=self._keeps())
        self._begun = True
        if self._answer.chunked:
            content = self._answer.framed(content) + self._answer.end()
        if self._send(head + content):
            self._finish()

    def _send_piece(self, piece: bytes) -> bool:
        """Send a piece of the body; False when its rest has to wait for the peer."""
        answer = self._answer
        if answer.length is not None:
            piece = piece[: answer.length - self._sent]
        self._sent += len(piece)
        content = answer.framed(piece)
        if not self._begun:
            content = answer.head(keep=self._keeps()) + content
            self._begun = True
        return self._send(content)

    # The end

    def _sent_all(self) -> None:
        if self._iterator is not None:
            self._connection.hand_over(self.resume)
        else:
            self._finish()

    def _ended_early(self) -> None:
        self._closes = True
        self._finish()

    def _finish(self) -> None:
        """End the exchange after the whole answer was sent."""
        length = self._answer.length
        if self._iterator is None and self._sent and length is not None and self._sent < length:
            self._closes = True
        self._close_produced()
        body = self.body
        if isinstance(body, StreamedBody) and body.done:
            self._connection.buffer = body.rest
        self._connection.served(keep=self._keeps())

    def _keeps(self) -> bool:
        """Tell whether the connection stays: the client asked for it, the answer is delimited, the body was read."""
        body = self.body
        return (
            self._keep
            and not self._closes
            and self._answer.delimited
            and not self._connection.loop.stopping
            and (body is None or isinstance(body, CollectedBody) or (body.done and not body.failed))
        )

    def _rest_may_go(self, body: StreamedBody) -> bool:
        """Tell whether to discard the unread rest of the body before the answer, so that the connection can stay."""
        if body.done or body.failed or self._closes or body.framing.broken:
            return False
        limit = max(self._connection.loop.limits.drained, body.discard_limit)
        return self._keep and body.framing.left <= limit

    def _pauses(self) -> bool:
        return isinstance(self.body, StreamedBody) and not self.body.done

    def _peer_left(self) -> None:
        """Abandon the exchange because the peer is gone."""
        self._connection.gone = True
        self._connection.hand_over(self.abandon)

    def _fail(self) -> None:
        """Log a failure of the application; answer 500, or end the connection when the answer has begun."""
        _log.exception("the application failed", path=self.environ.get("PATH_INFO", "")[:200])
        self._close_produced()
        self._iterator, self._left, self._closes = None, 0, True
        if self._begun:
            self._peer_left()
            return
        self._answer = Answer(self._connection.loop.header, "GET", self._answer.minor)
        content = orjson.dumps({"errors": [{"code": "UNKNOWN", "message": "internal server error"}]})
        self._answer.start(
            "500 Internal Server Error",
            [("Content-Type", "application/json"), ("Content-Length", str(len(content)))],
        )
        self._send_head_with(content)

    def _close_produced(self) -> None:
        produced, self._produced, self._iterator = self._produced, None, None
        close: Callable[[], None] | None = getattr(produced, "close", None)
        if close is not None:
            try:
                close()
            except WouldBlock:
                self._connection.loop.pool.submit(close)
            except Exception:  # noqa: BLE001 - the answer is out, the log gets it
                _log.exception("the end of an answer failed", path=self.environ.get("PATH_INFO", "")[:200])
        self.release()
