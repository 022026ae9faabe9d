"""A value that is cached for some seconds."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Caches the last value that was read; thread-safe, and several threads may read at once."""

    def __init__(self, seconds: float) -> None:
        """Keep a value for this many seconds."""
        self._age = timedelta(seconds=seconds)
        self._lock = threading.Lock()
        self._forgotten = 0
        self._read: tuple[datetime, T] | None = None

    def get(self, now: datetime, read: Callable[[], T]) -> T:
        """Return the cached value, or the one of ``read`` when the cached one is too old."""
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
        """Drop the cached value, and do not cache what other threads are reading now."""
        with self._lock:
            self._forgotten += 1
            self._read = None
