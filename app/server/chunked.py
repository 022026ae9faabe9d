"""Decode the chunked transfer coding in place (RFC 9112 section 7.1)."""

import re

from app.core.errors import UploadInvalid

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t !-~\x80-\xff]*)?\r\n")
_NEXT_CHUNK = re.compile(rb"\r\n([0-9A-Fa-f]{1,15})\r\n")
_LINE_BYTES = 8192
_TRAILER_BYTES = 65536
_IN_SIZE, _IN_CONTENT, _AFTER_CONTENT, _IN_TRAILER, _DONE = range(5)


class ChunkedDecoder:
    """Decodes a body that is given in pieces of any size; ignores trailers."""

    __slots__ = ("_left", "_line", "_size", "_state", "_trailer_bytes", "error", "rest")

    def __init__(self) -> None:
        """Expect the first chunk's size line."""
        self.error: UploadInvalid | None = None
        """Set when the coding is broken; the content before that is valid."""
        self.rest = b""
        """Once ``done``: the bytes after the body, which begin the next request."""
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
        """Bytes of content that the current chunk still has."""
        return self._left

    def coded(self, content: int) -> int:
        """Return how many coded bytes hold ``content`` bytes, if later chunks are as large as this one."""
        beyond = content - self._left
        if beyond < 0 or not self._size:
            return content
        return content + (beyond // self._size + 1) * len(b"\r\n%x\r\n" % self._size)

    def decode(self, buffer: bytearray, end: int, start: int = 0) -> int:
        """Decode ``buffer[start:end]``: move the content to ``start`` and return its length.

        Stops at the end of the body or at the first error; check ``done`` and ``error`` afterwards.
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
        """Go from the end of a chunk's content to the next one's, if its size line is complete and has no extension."""
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
