"""Log lines on their way out: kept for a moment, and written many at a time, without making anybody wait."""

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
"""How long a line is kept, and so what a crash may lose."""
_BATCH_BYTES: Final = 32 * 1024
_BOUND_BYTES: Final = 1024 * 1024
_PATIENCE_SECONDS: Final = 1.0
"""How long the end of the process waits for a reader that does not read."""
_PIPE_BYTES: Final = select.PIPE_BUF
"""What the kernel writes to a pipe in one piece, whoever else writes there."""


class Lines:
    """Whole lines for a stream's descriptor, written within 30 ms, at 32 KiB and at the end of the process.

    Lines of several processes never mix: a pipe or a terminal gets at most 4,096 bytes at a time (a longer line alone),
    a file any number. While nobody reads, up to 1 MiB is kept; what comes then is dropped and counted, and a line says
    so as soon as there is room. A forked process begins with nothing, as its parent writes what it has.
    """

    def __init__(self, stream: TextIO) -> None:
        """Write to the stream's descriptor; a stream without one gets every line at once."""
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
        """Take a line with its line end; never waits and never raises. An ``urgent`` one is written at once."""
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
        """Write what was taken up to now, as far as there is room within ``patience`` seconds."""
        if self._output is None or not self._writing.acquire(timeout=patience):
            return
        try:
            written = self._send(self._output, patience)
        finally:
            self._writing.release()
        if written and self._dropped:
            self._tell()

    def close(self) -> None:
        """Write everything, for a second at most; lines that come later are written one by one."""
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
            with suppress(RuntimeError):  # no thread can be had: the next batch or the end of the process tries again
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
        """Tell whether all of it went out."""
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

    def _tell(self) -> None:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            structlog.get_logger().warning("log lines dropped", lines=dropped)


class _Output:
    """A descriptor of its own to write to, as far as there is room."""

    __slots__ = ("_blocks", "_number", "limit")

    def __init__(self, number: int) -> None:
        mode = os.fstat(number).st_mode
        self.limit = None if stat.S_ISREG(mode) else _PIPE_BYTES
        opened = _opened_apart(number) if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) else None
        self._number = os.dup(number) if opened is None else opened
        self._blocks = opened is None and self.limit is not None

    def send(self, piece: bytes, patience: float) -> int:
        """How many bytes were written; 0 when there was no room within ``patience`` seconds. Raises OSError."""
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


def _opened_apart(number: int) -> int | None:
    """The same pipe or terminal under a descriptor that does not block; those who share the other one do not notice."""
    with suppress(OSError):
        return os.open(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return None
