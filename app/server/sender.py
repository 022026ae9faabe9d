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

_SLICE: Final = 4 * 1024 * 1024
_READ_AHEAD: Final = 1024 * 1024


class Sender:
    """What of an answer is still to be sent. The subclass says what follows."""

    __slots__ = ("_connection", "_file", "_left", "_offset", "_pending")

    def __init__(self, connection: "Connection") -> None:
        """Send to the peer of ``connection``."""
        self._connection = connection
        self._pending: bytes | memoryview = b""
        self._file = -1
        self._offset = self._left = 0

    def on_writable(self) -> None:
        """Send more; on the loop's thread."""
        if self._pending and not self._flush():
            return
        if self._left:
            self._send_file()
        else:
            self._sent_all()

    def _send(self, content: bytes) -> bool:
        """Send; False when the rest has to wait for the peer, who gets it from the loop."""
        self._pending = content
        if self._flush():
            return True
        if not self._connection.gone:
            self._connection.wait(phases.SEND, EPOLLOUT)
        return False

    def _send_file_behind(self, content: bytes, file: int, length: int) -> None:
        """Send ``content``, then ``length`` bytes of ``file`` from its position; from now on by the loop."""
        self._pending = content
        self._file, self._left = file, length
        self._offset = os.lseek(file, 0, os.SEEK_CUR)
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
        last = self._offset + min(self._left, _READ_AHEAD) - 1
        if not (is_cached(self._file, self._offset) and is_cached(self._file, last)):
            connection.hand_over(self._read_ahead)
            return
        try:
            count = os.sendfile(connection.descriptor, self._file, self._offset, min(self._left, _SLICE))
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
        buffer, offset = bytearray(min(self._left, _READ_AHEAD)), self._offset
        with suppress(OSError):
            os.posix_fadvise(self._file, offset, 2 * _READ_AHEAD, os.POSIX_FADV_WILLNEED)
            os.preadv(self._file, [buffer], offset)
        self._connection.wait(phases.SEND, EPOLLOUT)

    def _sent_all(self) -> None:
        raise NotImplementedError

    def _ended_early(self) -> None:
        """The file is shorter than it was promised to be."""
        raise NotImplementedError

    def _peer_left(self) -> None:
        raise NotImplementedError
