"""Find the end of a request's body (RFC 9112 section 6)."""

from typing import Final

from app.core.errors import SizeInvalid, UploadInvalid
from app.server.chunked import ChunkedDecoder
from app.server.head import CHUNKED

_ENDED_EARLY: Final = "the body ended {} bytes before its declared length"
_ENDED_IN_CHUNKS: Final = "the chunked body ended before its last chunk"


class Framing:
    """Delimits a body: by its length, or by its chunks."""

    __slots__ = ("decoder", "left")

    def __init__(self, length: int) -> None:
        """Expect a body of ``length`` bytes, or in chunks when that is CHUNKED."""
        self.decoder = ChunkedDecoder() if length == CHUNKED else None
        self.left = max(0, length)

    @property
    def done(self) -> bool:
        """Whether the end was seen."""
        return self.decoder.done if self.decoder else not self.left

    @property
    def broken(self) -> bool:
        """Whether the end of the body cannot be found any more."""
        return self.decoder is not None and self.decoder.error is not None

    def coded(self, content: int) -> int:
        """Return how many bytes to receive for ``content`` bytes; never beyond a body of known length."""
        return self.decoder.coded(content) if self.decoder is not None else min(content, self.left)

    def take(self, buffer: bytearray, count: int, start: int = 0) -> tuple[int, bytes]:
        """Decode ``count`` bytes in place; return the content's length, and the bytes after the body."""
        end = start + count
        if self.decoder is not None:
            content = self.decoder.decode(buffer, end, start)
            return content, self.decoder.rest if self.decoder.done else b""
        content = min(count, self.left)
        self.left -= content
        return content, bytes(memoryview(buffer)[start + content : end]) if content < count else b""

    def error_at_end(self) -> SizeInvalid | UploadInvalid:
        """Return the error for a peer that sends no more before the body's end."""
        return UploadInvalid(_ENDED_IN_CHUNKS) if self.decoder else SizeInvalid(_ENDED_EARLY.format(self.left))
