"""A value that a process reads again when it is older than some seconds."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The last value that was read; safe between threads, which may read at the same time."""

    def __init__(self, seconds: float) -> None:
        """Read again what is at least this old."""
        self._age = timedelta(seconds=seconds)
        self._lock = threading.Lock()
        self._forgotten = 0
        self._read: tuple[datetime, T] | None = None

    def get(self, now: datetime, read: Callable[[], T]) -> T:
        """Return the value, by ``read`` when there is no recent one."""
        known = self._read
        if known is not None and timedelta() <= now - known[0] < self._age:
            return known[1]
        began = self._forgotten
        value = read()
        with self._lock:
            if began == self._forgotten:
                self._read = (now, value)
        return value

    def forget(self) -> None:
        """Let the next caller read, and drop what others are reading at this moment."""
        with self._lock:
            self._forgotten += 1
            self._read = None
