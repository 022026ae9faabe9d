"""Caches: of what never changes, and of numbers that may be some seconds old."""

import threading
import time
from collections import OrderedDict
from typing import Final

MANIFEST_CACHE_BYTES: Final = 64 * 1024 * 1024
_ENTRY_COST: Final = 256


class ContentCache:
    """Immutable contents by digest, the least recently used dropped beyond a number of bytes; safe between threads."""

    def __init__(self, limit: int = MANIFEST_CACHE_BYTES) -> None:
        """Keep at most ``limit`` bytes, keys and bookkeeping included."""
        self._limit = limit
        self._used = 0
        self._contents: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str) -> bytes | None:
        """Return the content, None when it is not remembered."""
        with self._lock:
            content = self._contents.get(digest)
            if content is not None:
                self._contents.move_to_end(digest)
            return content

    def put(self, digest: str, content: bytes) -> None:
        """Remember the content; one that takes more than an eighth of the room is not."""
        cost = len(content) + _ENTRY_COST
        if cost > self._limit // 8:
            return
        with self._lock:
            if digest in self._contents:
                return
            self._contents[digest] = content
            self._used += cost
            while self._used > self._limit:
                self._used -= len(self._contents.popitem(last=False)[1]) + _ENTRY_COST


class RecentNumbers:
    """Numbers by number, forgotten after some seconds; bounded, safe between threads."""

    def __init__(self, seconds: float = 5.0, most: int = 1000) -> None:
        """Remember at most ``most`` numbers for ``seconds`` each."""
        self._seconds = seconds
        self._most = most
        self._numbers: OrderedDict[int, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: int) -> int | None:
        """Return the number, None when it is not remembered or too old."""
        until, number = self._numbers.get(key, (0.0, 0))
        return number if time.monotonic() < until else None

    def put(self, key: int, number: int) -> None:
        """Remember the number."""
        with self._lock:
            self._numbers.pop(key, None)
            self._numbers[key] = (time.monotonic() + self._seconds, number)
            if len(self._numbers) > self._most:
                self._numbers.popitem(last=False)

    def clear(self) -> None:
        """Forget every number."""
        with self._lock:
            self._numbers.clear()
