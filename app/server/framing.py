"""Where a request's body ends (RFC 9112 section 6)."""

from typing import Final

from app.core.errors import SizeInvalid, UploadInvalid
from app.server.chunked import ChunkedDecoder
from app.server.head import CHUNKED

_ENDED_EARLY: Final = "the body ended {} bytes before its declared length"
_ENDED_IN_CHUNKS: Final = "the chunked body ended before its last chunk"


class Framing:
    """Where a body ends: after so many bytes, or where its chunks say."""

    __slots__ = ("decoder", "left")

    def __init__(self, length: int) -> None:
        """Expect ``length`` bytes, or chunks when it is CHUNKED."""
        self.decoder = ChunkedDecoder() if length == CHUNKED else None
        self.left = max(0, length)

    @property
    def done(self) -> bool:
        """Whether the end was seen."""
        return self.decoder.done if self.decoder else not self.left

    @property
    def broken(self) -> bool:
        """Whether nothing can tell any more where the body ends."""
        return self.decoder is not None and self.decoder.error is not None

    def coded(self, content: int) -> int:
        """How many bytes to receive for so much content; none of them lies behind a body of known length."""
        return self.decoder.coded(content) if self.decoder is not None else min(content, self.left)

    def take(self, buffer: bytearray, count: int, start: int = 0) -> tuple[int, bytes]:
        """Undo the coding of ``count`` bytes in place: the length of the content, and what follows the body."""
        end = start + count
        if self.decoder is not None:
            content = self.decoder.decode(buffer, end, start)
            return content, self.decoder.rest if self.decoder.done else b""
        content = min(count, self.left)
        self.left -= content
        return content, bytes(memoryview(buffer)[start + content : end]) if content < count else b""

    def error_at_end(self) -> SizeInvalid | UploadInvalid:
        """What is wrong when nothing more comes."""
        return UploadInvalid(_ENDED_IN_CHUNKS) if self.decoder else SizeInvalid(_ENDED_EARLY.format(self.left))
