"""A queue for the writers of a SQLite file."""

import fcntl
import os
import threading
from pathlib import Path


class WriteTurn:
    """A lock on which writers of a SQLite file wait, threads on a mutex and processes on flock, instead of polling."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._descriptor: tuple[int, int] | None = None

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            fcntl.flock(self._open(), fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            fcntl.flock(self._open(), fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def _open(self) -> int:
        if self._descriptor is None or self._descriptor[0] != os.getpid():
            self._descriptor = (
                os.getpid(),
                os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600),
            )
        return self._descriptor[1]
