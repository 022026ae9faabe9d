"""Reading of gzip streams piece by piece, within limits, as Go's reader reads them."""

import zlib
from typing import Final, Protocol

from app.oci.limits import GZIP_MEMBERS, UNPACKED_BYTES

GZIP_MAGIC: Final = b"\x1f\x8b"
_PIECE: Final = 64 * 1024
_INPUT: Final = 4 * 1024
"""Bytes given to zlib at once: it copies what follows the end of a member."""
_WITH_GZIP_HEADER: Final = 16 + zlib.MAX_WBITS


class ArchiveRefused(ValueError):
    """An archive that is damaged, beyond a limit, or not what helm accepts; the message says why."""


class ByteSource(Protocol):
    """Bytes in order."""

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer only at the end. Raise ArchiveRefused."""
        ...


class GzipSource:
    """The unpacked bytes of a gzip file, of all its members, at most ``limit``; holds 64 KiB of them at a time."""

    def __init__(self, content: bytes, limit: int = UNPACKED_BYTES) -> None:
        """Read ``content``, the whole file."""
        self._content = memoryview(content)
        self._limit = limit
        self._position = 0
        self._members = 0
        self._unpacked = 0
        self._member: zlib._Decompress | None = None
        self._piece = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer only at the end. Raise ArchiveRefused."""
        parts = []
        while size:
            if not self._piece:
                self._piece = memoryview(self._next_piece())
            if not self._piece:
                break
            parts.append(self._piece[:size])
            self._piece = self._piece[size:]
            size -= len(parts[-1])
        return b"".join(parts)

    def _next_piece(self) -> bytes:
        """Return some bytes; none at the end."""
        while True:
            if self._member is None:
                if self._position == len(self._content):
                    return b""
                self._begin_member()
            piece = self._unpack()
            if piece:
                self._unpacked += len(piece)
                if self._unpacked > self._limit:
                    raise ArchiveRefused(f"unpacks to more than {self._limit} bytes")
                return piece

    def _begin_member(self) -> None:
        self._members += 1
        if self._members > GZIP_MEMBERS:
            raise ArchiveRefused(f"holds more than {GZIP_MEMBERS} gzip streams")
        self._member = zlib.decompressobj(_WITH_GZIP_HEADER)

    def _unpack(self) -> bytes:
        member = self._member
        if member is None:
            return b""
        fed = member.unconsumed_tail or self._take()
        try:
            piece = member.decompress(fed, _PIECE)
        except zlib.error as error:
            raise ArchiveRefused(f"is no intact gzip file: {str(error)[:100]}") from None
        if member.eof:
            self._position -= len(member.unused_data)
            self._member = None
        elif not fed and not piece:
            raise ArchiveRefused("ends in the middle of a gzip stream")
        return piece

    def _take(self) -> memoryview:
        taken = self._content[self._position : self._position + _INPUT]
        self._position += len(taken)
        return taken


class PlainSource:
    """The bytes of a file that is not packed."""

    def __init__(self, content: bytes) -> None:
        """Read ``content``, the whole file."""
        self._content = content
        self._position = 0

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer only at the end."""
        taken = self._content[self._position : self._position + size]
        self._position += len(taken)
        return taken
