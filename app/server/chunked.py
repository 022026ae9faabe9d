"""The chunked transfer coding, undone in place (RFC 9112 section 7.1)."""

import re

from app.core.errors import UploadInvalid

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t !-~\x80-\xff]*)?\r\n")
_NEXT_CHUNK = re.compile(rb"\r\n([0-9A-Fa-f]{1,15})\r\n")
_LINE_BYTES = 8192
_TRAILER_BYTES = 65536
_IN_SIZE, _IN_CONTENT, _AFTER_CONTENT, _IN_TRAILER, _DONE = range(5)


class ChunkedDecoder:
    """Takes the coded body in pieces of any size. Trailers are read over."""

    __slots__ = ("_left", "_line", "_size", "_state", "_trailer_bytes", "error", "rest")

    def __init__(self) -> None:
        """Start at the first chunk's size line."""
        self.error: UploadInvalid | None = None
        """Set when the coding is broken; what was decoded before is sound."""
        self.rest = b""
        """Once done: what came behind the body, the beginning of the next request."""
        self._state = _IN_SIZE
        self._line = b""
        self._left = 0
        self._size = 0
        self._trailer_bytes = 0

    @property
    def done(self) -> bool:
        """Whether the end of the body was seen."""
        return self._state == _DONE

    @property
    def left(self) -> int:
        """Bytes of content still to come in the current chunk."""
        return self._left

    def coded(self, content: int) -> int:
        """How many bytes of the coded body hold so much content, when the chunks go on as they are."""
        beyond = content - self._left
        if beyond < 0 or not self._size:
            return content
        return content + (beyond // self._size + 1) * len(b"\r\n%x\r\n" % self._size)

    def decode(self, buffer: bytearray, end: int, start: int = 0) -> int:
        """Decode ``buffer[start:end]``, moving the content to its start; returns the content's length.

        Stops at the end of the body or at the first error; afterwards look at ``done`` and ``error``.
        """
        view = memoryview(buffer)
        at = content = start
        while at < end and self._state != _DONE and self.error is None:
            if self._state != _IN_CONTENT:
                at = self._take_line(buffer, at, end)
                continue
            count = min(self._left, end - at)
            if at != content:
                view[content : content + count] = view[at : at + count]
            at += count
            content += count
            self._left -= count
            if not self._left:
                at = self._next_chunk(buffer, at, end)
        if self.done:
            self.rest = bytes(view[at:end])
        return content - start

    def _next_chunk(self, buffer: bytearray, at: int, end: int) -> int:
        """Behind a chunk's content: go to the next one's, when it is all here and has no extension."""
        line = _NEXT_CHUNK.match(buffer, at, end)
        self._left = int(line[1], 16) if line else 0
        if line and self._left:
            self._size = self._left
            return line.end()
        self._state = _AFTER_CONTENT
        return at

    def _take_line(self, buffer: bytearray, at: int, end: int) -> int:
        newline = buffer.find(b"\n", at, end)
        stop = end if newline < 0 else newline + 1
        line = self._line + buffer[at:stop]
        if len(line) > _LINE_BYTES:
            self._refuse("a line of the coding is too long", line)
        elif newline < 0:
            self._line = bytes(line)
        else:
            self._line = b""
            self._use_line(bytes(line))
        return stop

    def _use_line(self, line: bytes) -> None:
        if self._state == _IN_SIZE:
            self._use_size(line)
        elif self._state == _AFTER_CONTENT:
            self._state = _IN_SIZE
            if line != b"\r\n":
                self._refuse("a chunk is longer than it says", line)
        elif line == b"\r\n":
            self._state = _DONE
        else:
            self._trailer_bytes += len(line)
            if self._trailer_bytes > _TRAILER_BYTES or not line.endswith(b"\r\n"):
                self._refuse("invalid trailer", line)

    def _use_size(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if not match:
            self._refuse("invalid chunk size", line)
            return
        self._size = self._left = int(match[1], 16)
        self._state = _IN_CONTENT if self._left else _IN_TRAILER

    def _refuse(self, reason: str, line: bytes) -> None:
        self.error = UploadInvalid(f"broken chunked coding: {reason}", detail={"near": repr(line[:40])})
