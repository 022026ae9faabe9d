"""Buffered output of log lines: collected for 30 ms and written in batches by a thread, so that no caller waits."""

import atexit
import os
import select
import stat
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Final, TextIO

import structlog

_DELAY_SECONDS: Final = 0.03
"""How long a line is buffered; a crash loses as much."""
_BATCH_BYTES: Final = 32 * 1024
_BOUND_BYTES: Final = 1024 * 1024
_PATIENCE_SECONDS: Final = 1.0
"""How long the process waits at its end for a reader that is slow."""
_PIPE_BYTES: Final = select.PIPE_BUF
"""The bytes that the kernel writes to a pipe atomically."""


class Lines:
    """Writes whole lines to a stream's descriptor within 30 ms, from 32 KiB on at once, and at the end of the process.

    Lines of several processes never mix: a pipe or a terminal gets at most 4,096 bytes per write (a longer line alone),
    a file any number. While the output is blocked, up to 1 MiB is buffered; further lines are dropped and counted, and
    a line reports their number once there is room. A forked process starts empty; its parent writes what it buffered.
    """

    def __init__(self, stream: TextIO) -> None:
        """Write to the stream's descriptor; without one, each line is written to the stream at once."""
        self._stream = stream
        self._output = _output_or_none(stream)
        self._ended = False
        self._thread: threading.Thread | None = None
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._going: deque[bytes] = deque()
        self._dropped = 0
        self._reset()
        if self._output is not None:
            os.register_at_fork(after_in_child=self._reset)
            atexit.register(self.close)

    def write(self, line: bytes, *, urgent: bool = False) -> None:
        """Buffer a line, line end included; never waits, never raises. An ``urgent`` line is written at once."""
        if self._output is None:
            with suppress(OSError, ValueError):
                self._stream.write(line.decode())
                self._stream.flush()
            return
        with self._lock:
            before = self._bytes
            if before >= _BOUND_BYTES:
                self._dropped += 1
                return
            self._waiting.append(line)
            self._bytes = after = before + len(line)
            if not before or before < _BATCH_BYTES <= after:
                self._wake()
        if urgent or self._ended:
            self.flush()

    def flush(self, patience: float = 0.0) -> None:
        """Write the buffered lines, as far as the output takes them within ``patience`` seconds."""
        if self._output is None or not self._writing.acquire(timeout=patience):
            return
        try:
            written = self._send(self._output, patience)
        finally:
            self._writing.release()
        if written and self._dropped:
            self._report_dropped()

    def close(self) -> None:
        """Write all buffered lines, for a second at most; later lines are written one by one."""
        self._ended = True
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (self._bytes or self._going) and (left := deadline - time.monotonic()) > 0:
            self.flush(left)

    def _reset(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may log while its thread is here
        self._changed = threading.Condition(self._lock)
        self._writing = threading.Lock()
        self._waiting, self._bytes, self._dropped = [], 0, 0
        self._going = deque()
        self._thread = None

    def _wake(self) -> None:
        if self._thread is not None:
            self._changed.notify()
        elif not self._ended:
            self._thread = threading.Thread(target=self._run, name="log", daemon=True)
            with suppress(RuntimeError):  # no thread is available: the next batch or the end of the process tries again
                self._thread.start()
                return
            self._thread = None

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._bytes and not self._going:
                    self._changed.wait()
                if self._bytes < _BATCH_BYTES:
                    self._changed.wait(_DELAY_SECONDS)
            self.flush(_PATIENCE_SECONDS)

    def _send(self, output: "_Output", patience: float) -> bool:
        """Write the pieces that are ready, or make new ones; tell whether all were written."""
        if not self._going:
            self._take(output.limit)
        try:
            while self._going:
                piece = self._going[0]
                count = output.send(piece, patience)
                if count == len(piece):
                    self._going.popleft()
                elif count:
                    self._going[0] = piece[count:]
                else:
                    return False
        except OSError:
            with self._lock:
                self._dropped += sum(piece.count(b"\n") for piece in self._going)
            self._going.clear()
            return False
        return True

    def _take(self, limit: int | None) -> None:
        with self._lock:
            lines, self._waiting, self._bytes = self._waiting, [], 0
        if limit is None:
            self._going.append(b"".join(lines))
            return
        piece: list[bytes] = []
        size = 0
        for line in lines:
            if piece and size + len(line) > limit:
                self._going.append(b"".join(piece))
                piece, size = [], 0
            piece.append(line)
            size += len(line)
        self._going.append(b"".join(piece))

    def _report_dropped(self) -> None:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            structlog.get_logger().warning("log lines dropped", lines=dropped)


class _Output:
    """A duplicate of a descriptor that is written to without blocking."""

    __slots__ = ("_blocks", "_number", "limit")

    def __init__(self, number: int) -> None:
        mode = os.fstat(number).st_mode
        self.limit = None if stat.S_ISREG(mode) else _PIPE_BYTES
        opened = _reopened_or_none(number) if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) else None
        self._number = os.dup(number) if opened is None else opened
        self._blocks = opened is None and self.limit is not None

    def send(self, piece: bytes, patience: float) -> int:
        """Write and return the number of bytes, 0 without room within ``patience`` seconds; OSError when it fails."""
        if self._blocks and not self._has_room(patience):
            return 0
        try:
            return os.write(self._number, piece[:_PIPE_BYTES] if self._blocks else piece)
        except BlockingIOError:
            if not patience or not self._has_room(patience):
                return 0
        try:
            return os.write(self._number, piece)
        except BlockingIOError:
            return 0

    def _has_room(self, patience: float) -> bool:
        poll = select.poll()
        poll.register(self._number, select.POLLOUT)
        return bool(poll.poll(patience * 1000))


def _output_or_none(stream: TextIO) -> _Output | None:
    try:
        return _Output(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return None


def _reopened_or_none(number: int) -> int | None:
    """Open the pipe or terminal again, as a descriptor of our own that does not block; None when that fails."""
    with suppress(OSError):
        return os.open(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return None
