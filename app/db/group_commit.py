"""Make SQLite commits durable in groups: one flush of the write-ahead log for all commits before it."""

import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from app.core.errors import StorageFull

_log = structlog.get_logger(__name__)
_DISTRUSTED = stat.S_ISVTX
"""The mode bit that marks a log as damaged for all processes; it has no meaning for a regular file otherwise."""


class GroupCommit:
    """Flushes the write-ahead log of one database file for the threads of one process.

    SQLite writes a commit to the log without waiting for the disk (``synchronous=NORMAL``) and keeps log and file
    consistent. A transaction that must be durable before it is acknowledged waits here, after it has released the
    write turn.
    """

    def __init__(self, database: Path, write_back: Callable[[], bool]) -> None:
        """Flush the log of ``database``; ``write_back`` checkpoints it durably and tells whether it did."""
        self._path = database.with_name(database.name + "-wal")
        self._write_back = write_back
        self._changed = threading.Condition()
        self._begun = self._ended = self._durable = 0
        """Numbers of flushes: the last one begun, ended, and succeeded."""
        self._flushing = self._damaged = False
        self._open: tuple[int, int, int] | None = None
        """The process that opened the log, its descriptor, and the file's inode."""

    def wait(self) -> None:
        """Wait until all earlier commits are durable; StorageFull when the disk fails."""
        with self._changed:
            mine = self._begun + 1
            while self._ended < mine:
                if self._flushing:
                    self._changed.wait()
                else:
                    self._lead()
            failed = self._durable < mine
        if failed:
            raise StorageFull("the database cannot be written: its disk does not take it", retry_after=30)

    def _lead(self) -> None:
        """Flush for all threads that wait now; the condition is held before and after the flush, not during it."""
        self._flushing = True
        self._begun += 1
        number = self._begun
        self._changed.release()
        flushed = False
        try:
            flushed = self._flush()
        finally:
            self._changed.acquire()
            self._flushing = False
            self._ended = number
            if flushed:
                self._durable = number
            self._changed.notify_all()

    def _flush(self) -> bool:
        """Flush the log to disk; tell whether that succeeded.

        After a failed flush the kernel may have dropped those pages, and later commits in the log would be lost with
        them: no flush counts until the whole log has been checkpointed into the database file.
        """
        try:
            log = self._stat()
            if self._damaged or (log is not None and log.st_mode & _DISTRUSTED):
                self._damaged = not self._write_back()
                return not self._damaged
            if log is not None:
                os.fdatasync(self._descriptor(log.st_ino))
        except OSError as error:
            self._damaged = True
            self._distrust()
            _log.error("database_log_not_flushed", path=str(self._path), error=error.strerror)
            return False
        return True

    def trust(self) -> None:
        """Remove the damage mark from a log that was truncated just now, before it is written to."""
        log = self._stat()
        if log is not None and log.st_mode & _DISTRUSTED:
            self._path.chmod(stat.S_IMODE(log.st_mode) & ~_DISTRUSTED)

    def _distrust(self) -> None:
        """Mark the log as damaged for all processes; the kernel reports the failure only to those that have it open."""
        with suppress(OSError):
            self._path.chmod(stat.S_IMODE(self._path.stat().st_mode) | _DISTRUSTED)

    def _stat(self) -> os.stat_result | None:
        """Return the log's status; None without a log, when the database file has everything."""
        try:
            return self._path.stat()
        except FileNotFoundError:
            return None

    def _descriptor(self, number: int) -> int:
        """Return a descriptor of the log whose inode is ``number``, opened in this process."""
        if self._open is None or self._open[0] != os.getpid() or self._open[2] != number:
            self.close()
            self._open = (os.getpid(), os.open(self._path, os.O_RDWR | os.O_CLOEXEC), number)
        return self._open[1]

    def close(self) -> None:
        """Close the log; it is opened again when needed."""
        opened, self._open = self._open, None
        if opened is not None and opened[0] == os.getpid():
            with suppress(OSError):
                os.close(opened[1])
