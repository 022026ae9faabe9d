"""A cache in one process's memory, bounded in bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MANIFEST_CACHE_BYTES: Final = 16 * 1024 * 1024
_ENTRY_COST: Final = 256


class Cache(Generic[K, V]):
    """Values by key; drops the least recently used ones beyond its bound; thread-safe."""

    def __init__(self, limit: int, cost: Callable[[V], int]) -> None:
        """Keep at most ``limit`` bytes, where a value takes its ``cost`` and 256 for key and bookkeeping."""
        self._limit = limit
        self._cost = cost
        self._used = 0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """Return the value, None when it is not in the cache."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: K, value: V) -> None:
        """Store the value under the key, in place of another; one over an eighth of ``limit`` is not stored."""
        cost = self._cost(value) + _ENTRY_COST
        with self._lock:
            self._forget(key)
            if cost > self._limit // 8:
                return
            self._values[key] = value
            self._used += cost
            while self._used > self._limit:
                self._used -= self._cost(self._values.popitem(last=False)[1]) + _ENTRY_COST

    def forget(self, key: K) -> None:
        """Drop the key's value, if there is one."""
        with self._lock:
            self._forget(key)

    def _forget(self, key: K) -> None:
        value = self._values.pop(key, None)
        if value is not None:
            self._used -= self._cost(value) + _ENTRY_COST


def content_cache(limit: int = MANIFEST_CACHE_BYTES) -> Cache[str, bytes]:
    """Make a cache of immutable contents by digest."""
    return Cache(limit, len)
