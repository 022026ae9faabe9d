"""Send an answer without waiting for the peer: bytes, then a file with sendfile if there is one."""

import os
import socket
from contextlib import suppress
from select import EPOLLOUT
from typing import TYPE_CHECKING, Final

from app.server import phases
from app.server.answer import is_cached

if TYPE_CHECKING:
    from app.server.connection import Connection

_SLICE: Final = 1024 * 1024
"""Bytes of a file that are sent by one call, if their first and last page are in the page cache."""
_LARGE_SLICE: Final = 4 * 1024 * 1024
_UNSENT: Final = 128 * 1024
"""The most unsent bytes in the kernel's buffer: few, so that they are still in the processor's cache when sent."""
_FEW: Final = 8
"""Files sent at once up to which that helps; with more, the cache is lost anyway and larger slices cost less."""


class Sender:
    """The unsent part of an answer; the subclass implements what follows it."""

    __slots__ = ("_connection", "_file", "_left", "_offset", "_pending", "_slice")

    def __init__(self, connection: "Connection") -> None:
        """Prepare to send to the peer of ``connection``."""
        self._connection = connection
        self._pending: bytes | memoryview = b""
        self._file = -1
        self._offset = self._left = 0
        self._slice = _SLICE

    @property
    def unsent(self) -> int:
        """Bytes in memory that were not sent yet."""
        return len(self._pending)

    def on_writable(self) -> None:
        """Send more when the socket is writable; on the loop's thread."""
        if self._pending and not self._flush():
            return
        if self._left:
            self._send_file()
        else:
            self._sent_all()

    def release(self) -> None:
        """Free what the request occupies, whether or not it was answered."""
        self._connection.loop.sending.discard(self)

    def _send(self, content: bytes) -> bool:
        """Send ``content``; False when its rest has to wait for the peer, and the loop sends it."""
        self._pending = content
        if self._flush():
            return True
        if not self._connection.gone:
            self._connection.wait(phases.SEND, EPOLLOUT)
        return False

    def _take_file(self, file: int, length: int) -> None:
        """Prepare to send ``length`` bytes of ``file`` from its current position."""
        self._offset = os.lseek(file, 0, os.SEEK_CUR)
        self._file, self._left = file, length

    def _send_file_behind(self, content: bytes) -> None:
        """Let the loop send ``content`` and then the file."""
        self._pending = content
        sending = self._connection.loop.sending
        sending.add(self)
        self._slice, unsent = (_SLICE, _UNSENT) if len(sending) <= _FEW else (_LARGE_SLICE, 0)
        with suppress(OSError):
            self._connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, unsent)
        self._connection.wait(phases.SEND, EPOLLOUT)

    def _flush(self) -> bool:
        """Send pending bytes as far as the socket takes them; True when all were sent."""
        connection = self._connection
        try:
            count = connection.socket.send(self._pending, socket.MSG_MORE if self._left else 0)
        except BlockingIOError:
            return False
        except OSError:
            self._peer_left()
            return False
        connection.moved += count
        if count == len(self._pending):
            self._pending = b""
            return True
        self._pending = memoryview(self._pending)[count:]
        return False

    def _send_file(self) -> None:
        connection = self._connection
        size = min(self._left, self._slice)
        last = self._offset + size - 1
        if not (is_cached(self._file, self._offset) and is_cached(self._file, last)):
            connection.hand_over(self._read_ahead)
            return
        try:
            count = os.sendfile(connection.descriptor, self._file, self._offset, size)
        except BlockingIOError:
            return
        except OSError:
            self._peer_left()
            return
        connection.moved += count
        self._offset += count
        self._left -= count
        if not count:
            self._left = 0
            self._ended_early()
        elif not self._left:
            self._sent_all()

    def _read_ahead(self) -> None:
        """Read the file's next part into the page cache, on a thread that may wait."""
        buffer, offset = bytearray(min(self._left, _SLICE)), self._offset
        with suppress(OSError):
            os.posix_fadvise(self._file, offset, 2 * _SLICE, os.POSIX_FADV_WILLNEED)
            os.preadv(self._file, [buffer], offset)
        self._slice = _SLICE
        self._connection.wait(phases.SEND, EPOLLOUT)

    def _sent_all(self) -> None:
        raise NotImplementedError

    def _ended_early(self) -> None:
        """Handle a file that is shorter than the announced length."""
        raise NotImplementedError

    def _peer_left(self) -> None:
        raise NotImplementedError
