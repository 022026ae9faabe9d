"""A cache in one process's memory, bounded in bytes and, where asked for, in age."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

import cachetools

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MANIFEST_CACHE_BYTES: Final = 16 * 1024 * 1024
_ENTRY_COST: Final = 256


class Cache(Generic[K, V]):
    """Values by key; drops the least recently used ones beyond its bound; thread-safe."""

    def __init__(
        self,
        limit: int,
        cost: Callable[[V], int],
        *,
        seconds: float | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep at most ``limit`` bytes, where a value takes its ``cost`` and 256 for key and bookkeeping.

        Values are dropped ``seconds`` after they were stored, if given, by what ``timer`` says.
        """

        def size(value: V) -> int:
            return cost(value) + _ENTRY_COST

        self._values: cachetools.Cache[K, V] = (
            cachetools.LRUCache(limit, size) if seconds is None else cachetools.TTLCache(limit, seconds, timer, size)
        )
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """Return the value, None when it is not in the cache."""
        with self._lock:
            try:
                return self._values[key]
            except KeyError:
                return None

    def put(self, key: K, value: V) -> None:
        """Store the value under the key, in place of another; one over an eighth of ``limit`` is not stored."""
        with self._lock:
            self._values.pop(key, None)
            if self._values.getsizeof(value) <= self._values.maxsize // 8:
                self._values[key] = value

    def forget(self, key: K) -> None:
        """Drop the key's value, if there is one."""
        with self._lock:
            self._values.pop(key, None)


def content_cache(limit: int = MANIFEST_CACHE_BYTES) -> Cache[str, bytes]:
    """Make a cache of immutable contents by digest."""
    return Cache(limit, len)
