"""Commits of SQLite made durable in groups: one flush of the write-ahead log for all that were made before it began."""

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
"""The bit of the log's mode that says so to all processes, and goes with the file; to the system it means nothing."""


class GroupCommit:
    """Flushes the log of one database file, for one process.

    SQLite itself writes a commit to the log without waiting for the disk (``synchronous=NORMAL``) and keeps the log and
    the file in order whatever happens. Whoever must not be told before its commit is durable waits here, and no longer
    holds the turn of writers then.
    """

    def __init__(self, database: Path, write_back: Callable[[], bool]) -> None:
        """``write_back`` brings the whole log into the database file, durably, and tells whether it did."""
        self._path = database.with_name(database.name + "-wal")
        self._write_back = write_back
        self._changed = threading.Condition()
        self._begun = self._ended = self._durable = 0
        """Flushes, by number: the last that began, that ended, and that succeeded."""
        self._flushing = self._damaged = False
        self._open: tuple[int, int, int] | None = None
        """The process that opened the log, its descriptor, the file's number."""

    def wait(self) -> None:
        """Return when all that was committed before is durable; StorageFull when the disk does not take it."""
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
        """Flush for all who wait by now; the condition is held before and after, not meanwhile."""
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
        """Whether the log reached the disk.

        A system forgets what it failed to write, and what follows it in the log would be lost with it: after a failure
        only the database file counts, until the log has been brought there and begins anew.
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
        """Let processes rely on the log again that has just begun anew, before anything is written to it."""
        log = self._stat()
        if log is not None and log.st_mode & _DISTRUSTED:
            self._path.chmod(stat.S_IMODE(log.st_mode) & ~_DISTRUSTED)

    def _distrust(self) -> None:
        """Tell the other processes, also those that open the log later: the system tells only who had it open."""
        with suppress(OSError):
            self._path.chmod(stat.S_IMODE(self._path.stat().st_mode) | _DISTRUSTED)

    def _stat(self) -> os.stat_result | None:
        """What the system knows of the log; None when there is none: then the database file has everything."""
        try:
            return self._path.stat()
        except FileNotFoundError:
            return None

    def _descriptor(self, number: int) -> int:
        """The log, the file of that number, opened."""
        if self._open is None or self._open[0] != os.getpid() or self._open[2] != number:
            self.close()
            self._open = (os.getpid(), os.open(self._path, os.O_RDWR | os.O_CLOEXEC), number)
        return self._open[1]

    def close(self) -> None:
        """Let go of the log; it is opened again when needed."""
        opened, self._open = self._open, None
        if opened is not None and opened[0] == os.getpid():
            with suppress(OSError):
                os.close(opened[1])
