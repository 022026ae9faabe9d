"""Request bodies as pieces of one reused buffer: gunicorn's socket read directly, any other server's ``wsgi.input``.

gunicorn's own body reader copies each byte several times; this loop receives into a buffer, undoes the chunked coding
in place and leaves gunicorn's reader as if it had read the body itself, so that the connection goes on. The classes it
looks into are those of the pinned version; anything unknown to it takes the ordinary way.
"""

import inspect
import socket
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any

from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException
from gunicorn.http.unreader import SocketUnreader

from app.core.errors import DomainError, SizeInvalid, UploadInvalid
from app.storage.chunked import ChunkedDecoder

BUFFER_BYTES = 256 * 1024
IDLE_SECONDS = 60.0
_TICK_SECONDS = 5.0
_DRAIN_BYTES = 4 * 1024 * 1024
_DRAIN_SECONDS = 5.0
_LULL_SECONDS = 0.3
_buffers = threading.local()

Environ = Mapping[str, Any]


def content_length(environ: Environ) -> int | None:
    """The declared length of the body; None when it is chunked. SizeInvalid when it is no number."""
    if environ.get("HTTP_TRANSFER_ENCODING"):
        return None
    text = environ.get("CONTENT_LENGTH") or "0"
    if not text.isascii() or not text.isdigit():
        raise SizeInvalid(f"Content-Length must be a number, not {text[:40]!r}")
    return int(text)


def receive(environ: Environ, idle_seconds: float = IDLE_SECONDS) -> Generator[memoryview]:
    """Yield the body piece by piece, in order; each piece is valid until the next is asked for.

    An empty piece means that the client has sent nothing for a few seconds. SizeInvalid when the body ends before its
    declared length, UploadInvalid when its chunked coding is broken or nothing comes for ``idle_seconds``: what was
    yielded before did arrive. A body not read to its end closes the connection after the answer.
    """
    unreader = _unreader(environ["wsgi.input"])
    try:
        if unreader is not None:
            yield from _receive_directly(environ["wsgi.input"], unreader, idle_seconds)
        else:
            yield from _receive_through(environ)
    except BaseException:
        close_after_answer(environ)
        raise


def drain(environ: Environ, limit: int = _DRAIN_BYTES, seconds: float = _DRAIN_SECONDS) -> None:
    """Take in what is left of a body nobody wants, so that the client gets to read the answer.

    When more than ``limit`` bytes or ``seconds`` would be needed, the connection is closed after the answer instead.
    Never raises for what the client does.
    """
    body = environ["wsgi.input"]
    if isinstance(body, Body) and body.failed:  # type: ignore[attr-defined]  # newer than the published stubs
        _discard(environ.get("gunicorn.socket"), limit, seconds)
        return
    deadline = time.monotonic() + seconds
    with suppress(DomainError), closing(receive(environ, min(seconds, IDLE_SECONDS))) as pieces:
        for piece in pieces:
            limit -= len(piece)
            if limit < 0 or time.monotonic() > deadline:
                return


def close_after_answer(environ: Environ) -> None:
    """Make the server announce ``Connection: close`` and close; applications cannot set that header under gunicorn."""
    body = environ["wsgi.input"]
    if not isinstance(body, Body):
        return
    body.failed = True  # type: ignore[attr-defined]  # newer than the published stubs
    early_hints = environ.get("wsgi.early_hints")
    request = inspect.getclosurevars(early_hints).nonlocals.get("req") if inspect.isfunction(early_hints) else None
    if request is not None:
        request.force_close()


def _discard(source: object, limit: int, seconds: float) -> None:
    """Throw away what comes from a connection that has lost its framing and will be closed."""
    if not isinstance(source, socket.socket):
        return
    before, deadline = source.gettimeout(), time.monotonic() + seconds
    source.settimeout(_LULL_SECONDS)
    with suppress(OSError):
        while limit > 0 and time.monotonic() < deadline:
            count = source.recv_into(_buffer())
            if not count:
                break
            limit -= count
    source.settimeout(before)


def _buffer() -> bytearray:
    buffer: bytearray | None = getattr(_buffers, "buffer", None)
    if buffer is None:
        buffer = _buffers.buffer = bytearray(BUFFER_BYTES)
    return buffer


def _unreader(body: object) -> SocketUnreader | None:
    """The source of gunicorn's reader when it was not started and reads a plain socket, else None."""
    if not isinstance(body, Body) or body.failed or body.buf.tell():  # type: ignore[attr-defined]  # as in drain
        return None
    reader = body.reader
    if isinstance(reader, ChunkedReader):
        fresh = reader.parser is not None and inspect.getgeneratorstate(reader.parser) == inspect.GEN_CREATED
        unreader = reader.req.unreader if fresh else None
    else:
        unreader = reader.unreader if isinstance(reader, LengthReader) else None
    if isinstance(unreader, SocketUnreader) and type(unreader.sock) is socket.socket:
        return unreader
    return None


class _Source:
    """The bytes that gunicorn has read already, then the socket's."""

    def __init__(self, unreader: SocketUnreader, idle_seconds: float) -> None:
        self._unreader = unreader
        self._head = unreader.take_buffered()
        self._socket: socket.socket = unreader.sock
        self._idle_seconds = idle_seconds
        self._last = time.monotonic()

    def fill(self, view: memoryview) -> int | None:
        """Put what there is into ``view``: its length, 0 when nothing came for a while, None when nothing will."""
        if self._head:
            count = min(len(self._head), len(view))
            view[:count] = self._head[:count]
            self._head = self._head[count:]
            return count
        try:
            count = self._socket.recv_into(view)
        except TimeoutError:
            if time.monotonic() - self._last >= self._idle_seconds:
                raise UploadInvalid(f"no content came for {self._idle_seconds:.0f} seconds") from None
            return 0
        except OSError:
            return None
        self._last = time.monotonic()
        return count or None

    def give_back(self, rest: bytes = b"") -> None:
        """Leave what follows the body to gunicorn."""
        self._unreader.unread(rest + self._head)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Let reads return every few seconds."""
        before = self._socket.gettimeout()
        self._socket.settimeout(min(_TICK_SECONDS, self._idle_seconds))
        try:
            yield
        finally:
            self._socket.settimeout(before)


def _receive_directly(body: Body, unreader: SocketUnreader, idle_seconds: float) -> Iterator[memoryview]:
    source = _Source(unreader, idle_seconds)
    with source.timed():
        if isinstance(body.reader, ChunkedReader):
            yield from _receive_chunked(body.reader, source)
        elif isinstance(body.reader, LengthReader):
            yield from _receive_length(body.reader, source)


def _receive_length(reader: LengthReader, source: _Source) -> Iterator[memoryview]:
    while reader.length:
        view = memoryview(_buffer())  # this thread's, which need not be that of the piece before
        count = source.fill(view[: reader.length])
        if count is None:
            raise SizeInvalid(f"the body ended {reader.length} bytes before its declared length")
        reader.length -= count
        yield view[:count]
    source.give_back()


def _receive_chunked(reader: ChunkedReader, source: _Source) -> Iterator[memoryview]:
    reader.parser = None
    decoder = ChunkedDecoder()
    while not decoder.done:
        buffer = _buffer()  # as above
        view = memoryview(buffer)
        count = source.fill(view)
        if count is None:
            raise UploadInvalid("the chunked body ended before its last chunk")
        content = decoder.decode(buffer, count)
        if content or not count:
            yield view[:content]
        if decoder.error:
            raise decoder.error
    source.give_back(decoder.rest)


def _receive_through(environ: Environ) -> Iterator[memoryview]:
    left = content_length(environ)
    if left is None and not environ.get("wsgi.input_terminated"):
        raise UploadInvalid("this server does not hand on chunked bodies")
    body = environ["wsgi.input"]
    while left is None or left > 0:
        try:
            piece = body.read(BUFFER_BYTES if left is None else min(left, BUFFER_BYTES))
        except (OSError, ParseException) as error:
            raise UploadInvalid(f"the body cannot be read: {error}") from error
        if not piece:
            break
        left = left and left - len(piece)
        yield memoryview(piece)
    if left:
        raise SizeInvalid(f"the body ended {left} bytes before its declared length")
