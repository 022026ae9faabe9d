"""Request bodies as pieces in one reused buffer: gunicorn's socket read directly, any other server through ``wsgi.input``.

gunicorn's own body reader copies each byte several times; this loop receives into a buffer, undoes the chunked coding
in place and leaves gunicorn's reader as if it had read the body itself, so that the connection goes on. The classes it
looks into are those of the pinned version; anything unknown to it takes the ordinary way.
"""

import inspect
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.unreader import SocketUnreader

from app.core.errors import DomainError, SizeInvalid, UploadInvalid
from app.storage.chunked import ChunkedDecoder

BUFFER_BYTES = 256 * 1024
IDLE_SECONDS = 60.0
_TICK_SECONDS = 5.0
_DRAIN_BYTES = 4 * 1024 * 1024
_DRAIN_SECONDS = 5.0
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


def has_body(environ: Environ) -> bool:
    """Whether the request carries a body, as far as its headers tell."""
    return content_length(environ) != 0


def receive(environ: Environ, idle_seconds: float = IDLE_SECONDS) -> Iterator[memoryview]:
    """Yield the body piece by piece, in order; each piece is valid until the next is asked for.

    An empty piece means that the client has sent nothing for a few seconds. SizeInvalid when the body ends before its
    declared length, UploadInvalid when its chunked coding is broken or nothing comes for ``idle_seconds``: what was
    yielded before did arrive, and the connection is closed after the answer.
    """
    body = environ["wsgi.input"]
    try:
        if _is_direct(body):
            yield from _receive_directly(body, idle_seconds)
        else:
            yield from _receive_through(body, content_length(environ))
    except DomainError:
        close_after_answer(environ)
        raise


def drain(environ: Environ, limit: int = _DRAIN_BYTES, seconds: float = _DRAIN_SECONDS) -> None:
    """Take in what is left of a body nobody wants, so that the client gets to read the answer.

    When more than ``limit`` bytes or ``seconds`` would be needed, the connection is closed after the answer instead.
    Never raises for what the client does.
    """
    deadline = time.monotonic() + seconds
    left = limit
    try:
        for piece in receive(environ, idle_seconds=seconds):
            left -= len(piece)
            if left < 0 or time.monotonic() > deadline:
                close_after_answer(environ)
                return
    except DomainError:
        return


def close_after_answer(environ: Environ) -> None:
    """Make the server announce ``Connection: close`` and close; applications cannot set that header under gunicorn."""
    body = environ["wsgi.input"]
    if not isinstance(body, Body):
        return
    body.failed = True
    early_hints = environ.get("wsgi.early_hints")
    request = inspect.getclosurevars(early_hints).nonlocals.get("req") if inspect.isfunction(early_hints) else None
    if request is not None:
        request.force_close()


def _buffer() -> bytearray:
    buffer: bytearray | None = getattr(_buffers, "buffer", None)
    if buffer is None:
        buffer = _buffers.buffer = bytearray(BUFFER_BYTES)
    return buffer


def _is_direct(body: object) -> bool:
    """Whether this is gunicorn's untouched reader of a plain socket."""
    if not isinstance(body, Body) or body.failed or body.buf.tell():
        return False
    reader = body.reader
    if isinstance(reader, ChunkedReader):
        started = reader.parser is not None and inspect.getgeneratorstate(reader.parser) != inspect.GEN_CREATED
        unreader = reader.parser and not started and reader.parser.gi_frame.f_locals.get("unreader")
    else:
        unreader = isinstance(reader, LengthReader) and reader.unreader
    return isinstance(unreader, SocketUnreader) and type(unreader.sock) is socket.socket
