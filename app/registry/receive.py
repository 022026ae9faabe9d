"""Request bodies as pieces: those of a server that hands over what it receives, any other's through ``wsgi.input``."""

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from gunicorn.http.errors import ParseException

from app.core.errors import SizeInvalid, UploadInvalid

BUFFER_BYTES: Final = 256 * 1024
CLOSES_KEY: Final = "pyharbor.close"
"""Where the environment holds what makes the server close the connection after the answer."""
_DRAIN_BYTES: Final = 4 * 1024 * 1024
_DRAIN_SECONDS: Final = 5.0

Environ = Mapping[str, Any]


class ReceivedBody(ABC):
    """A ``wsgi.input`` that can be read piece by piece, without a copy, and whose rest the server takes care of."""

    @abstractmethod
    def pieces(self) -> Generator[memoryview]:
        """Yield the body as ``receive`` promises."""

    @abstractmethod
    def expect_rest(self, limit: int) -> None:
        """Let the server throw away up to ``limit`` bytes that are left, to keep the connection."""


def content_length(environ: Environ) -> int | None:
    """The declared length of the body; None when it is chunked. SizeInvalid when it is no number."""
    if environ.get("HTTP_TRANSFER_ENCODING"):
        return None
    text = environ.get("CONTENT_LENGTH") or "0"
    if not text.isascii() or not text.isdigit():
        raise SizeInvalid(f"Content-Length must be a number, not {text[:40]!r}")
    return int(text)


def receive(environ: Environ) -> Generator[memoryview]:
    """Yield the body piece by piece, in order; each piece is valid until the next is asked for.

    An empty piece means that the client has sent nothing for a moment. SizeInvalid when the body ends before its
    declared length, UploadInvalid when its chunked coding is broken or it comes too slowly: what was yielded before did
    arrive. A body not read to its end closes the connection after the answer.
    """
    body = environ["wsgi.input"]
    try:
        yield from body.pieces() if isinstance(body, ReceivedBody) else _receive_through(environ)
    except BaseException:
        close_after_answer(environ)
        raise


def drain(environ: Environ, limit: int = _DRAIN_BYTES, seconds: float = _DRAIN_SECONDS) -> None:
    """Take in what is left of a body nobody wants, so that the client gets to read the answer.

    When more than ``limit`` bytes or ``seconds`` would be needed, the connection is closed after the answer instead.
    Never raises for what the client does. A server of received bodies does this by itself, after the answer.
    """
    body = environ["wsgi.input"]
    if isinstance(body, ReceivedBody):
        body.expect_rest(limit)
        return
    deadline = time.monotonic() + seconds
    with suppress(OSError, ParseException):
        while limit >= 0 and time.monotonic() < deadline:
            piece = body.read(BUFFER_BYTES) if _is_delimited(environ) else b""
            if not piece:
                return
            limit -= len(piece)
    close_after_answer(environ)


def close_after_answer(environ: Environ) -> None:
    """Make the server close the connection behind the answer, as far as it can be told."""
    close = environ.get(CLOSES_KEY)
    if close is not None:
        close()
    elif hasattr(environ["wsgi.input"], "failed"):
        environ["wsgi.input"].failed = True  # gunicorn's own reader: the connection is not used again


def _is_delimited(environ: Environ) -> bool:
    """Whether reading the body without a size ends with it."""
    return bool(environ.get("wsgi.input_terminated"))


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
