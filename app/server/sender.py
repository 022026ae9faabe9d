"""Sends an answer without waiting for the peer: bytes, then perhaps a file by sendfile."""

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
"""Bytes of a file that are sent at once; both ends of them are in the page cache."""
_LARGE_SLICE: Final = 4 * 1024 * 1024
_UNSENT: Final = 128 * 1024
"""Bytes that wait in the kernel beside those under way: few, so that they are sent while a processor has them near."""
_FEW: Final = 8
"""Files at once; of more a processor has nothing near, and larger slices of each cost less."""


class Sender:
    """What of an answer is still to be sent. The subclass says what follows."""

    __slots__ = ("_connection", "_file", "_left", "_offset", "_pending", "_slice")

    def __init__(self, connection: "Connection") -> None:
        """Send to the peer of ``connection``."""
        self._connection = connection
        self._pending: bytes | memoryview = b""
        self._file = -1
        self._offset = self._left = 0
        self._slice = _SLICE

    @property
    def unsent(self) -> int:
        """Bytes in memory that the peer has not taken."""
        return len(self._pending)

    def on_writable(self) -> None:
        """Send more; on the loop's thread."""
        if self._pending and not self._flush():
            return
        if self._left:
            self._send_file()
        else:
            self._sent_all()

    def release(self) -> None:
        """Give back what the request takes, also when it is not answered."""
        self._connection.loop.sending.discard(self)

    def _send(self, content: bytes) -> bool:
        """Send; False when the rest has to wait for the peer, who gets it from the loop."""
        self._pending = content
        if self._flush():
            return True
        if not self._connection.gone:
            self._connection.wait(phases.SEND, EPOLLOUT)
        return False

    def _take_file(self, file: int, length: int) -> None:
        """Have ``length`` bytes of ``file`` from its position to send."""
        self._offset = os.lseek(file, 0, os.SEEK_CUR)
        self._file, self._left = file, length

    def _send_file_behind(self, content: bytes) -> None:
        """Send ``content``, then the file; from now on by the loop."""
        self._pending = content
        sending = self._connection.loop.sending
        sending.add(self)
        self._slice, unsent = (_SLICE, _UNSENT) if len(sending) <= _FEW else (_LARGE_SLICE, 0)
        with suppress(OSError):
            self._connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, unsent)
        self._connection.wait(phases.SEND, EPOLLOUT)

    def _flush(self) -> bool:
        """Send what is pending as far as the peer takes it; True when that was all of it."""
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
        """Have the file's next part read from the disk, on a thread that may wait."""
        buffer, offset = bytearray(min(self._left, _SLICE)), self._offset
        with suppress(OSError):
            os.posix_fadvise(self._file, offset, 2 * _SLICE, os.POSIX_FADV_WILLNEED)
            os.preadv(self._file, [buffer], offset)
        self._slice = _SLICE
        self._connection.wait(phases.SEND, EPOLLOUT)

    def _sent_all(self) -> None:
        raise NotImplementedError

    def _ended_early(self) -> None:
        """The file is shorter than it was promised to be."""
        raise NotImplementedError

    def _peer_left(self) -> None:
        raise NotImplementedError
