"""Reading of request bodies piece by piece: from a server that provides the pieces, or by reading ``wsgi.input``."""

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from gunicorn.http.errors import ParseException

from app.core.errors import SizeInvalid, UploadInvalid

BUFFER_BYTES: Final = 256 * 1024
CLOSES_KEY: Final = "pyharbor.close"
"""The key of the function in the WSGI environment that makes the server close the connection after the response."""
_DRAIN_BYTES: Final = 4 * 1024 * 1024
_DRAIN_SECONDS: Final = 5.0

Environ = Mapping[str, Any]


class ReceivedBody(ABC):
    """A ``wsgi.input`` that provides the body in pieces, without a copy, and discards the rest by itself."""

    @abstractmethod
    def pieces(self) -> Generator[memoryview]:
        """Yield the body as ``receive`` promises."""

    @abstractmethod
    def expect_rest(self, limit: int) -> None:
        """Let the server discard up to ``limit`` remaining bytes, so that the connection stays open."""


def content_length(environ: Environ) -> int | None:
    """Return the declared length of the body; None when it is chunked. Raise SizeInvalid when it is not a number."""
    if environ.get("HTTP_TRANSFER_ENCODING"):
        return None
    text = environ.get("CONTENT_LENGTH") or "0"
    if not text.isascii() or not text.isdigit():
        raise SizeInvalid(f"Content-Length must be a number, not {text[:40]!r}")
    return int(text)


def receive(environ: Environ) -> Generator[memoryview]:
    """Yield the body piece by piece, in order; a piece is valid until the next one is asked for.

    An empty piece means that the client sends nothing at the moment. A body that is not read to its end closes the
    connection after the response. The pieces yielded before an error are valid.

    Raises: SizeInvalid when the body ends before its declared length; UploadInvalid when its chunked coding is invalid
    or it arrives too slowly.
    """
    body = environ["wsgi.input"]
    try:
        yield from body.pieces() if isinstance(body, ReceivedBody) else _receive_through(environ)
    except BaseException:
        close_after_answer(environ)
        raise


def drain(environ: Environ, limit: int = _DRAIN_BYTES, seconds: float = _DRAIN_SECONDS) -> None:
    """Read and discard the rest of a refused body, so that the client reads the response.

    Close the connection after the response instead when that takes more than ``limit`` bytes or ``seconds``. Never
    raise for what the client does. A server that provides ``ReceivedBody`` discards the rest after the response.
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
    """Make the server close the connection after the response, if the server supports it."""
    close = environ.get(CLOSES_KEY)
    if close is not None:
        close()
    elif hasattr(environ["wsgi.input"], "failed"):
        environ["wsgi.input"].failed = True  # gunicorn's own reader: the connection is not used again


def _is_delimited(environ: Environ) -> bool:
    """Tell whether ``wsgi.input`` signals the end of the body by itself."""
    return bool(environ.get("wsgi.input_terminated"))


def _receive_through(environ: Environ) -> Iterator[memoryview]:
    left = content_length(environ)
    if left is None and not environ.get("wsgi.input_terminated"):
        raise UploadInvalid("this server does not support chunked bodies")
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
