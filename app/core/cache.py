"""Memory of one process with a bound in bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MANIFEST_CACHE_BYTES: Final = 16 * 1024 * 1024
_ENTRY_COST: Final = 256


class Cache(Generic[K, V]):
    """Values by key, the least recently used dropped beyond a number of bytes; safe between threads."""

    def __init__(self, limit: int, cost: Callable[[V], int]) -> None:
        """Keep at most ``limit`` bytes: what each value costs, and 256 for its key and the bookkeeping."""
        self._limit = limit
        self._cost = cost
        self._used = 0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """Return the value, None when it is not remembered."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: K, value: V) -> None:
        """Remember the value instead of another of this key; one that takes more than an eighth of the room is not."""
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
        """Drop the value, if there is one."""
        with self._lock:
            self._forget(key)

    def _forget(self, key: K) -> None:
        value = self._values.pop(key, None)
        if value is not None:
            self._used -= self._cost(value) + _ENTRY_COST


def content_cache(limit: int = MANIFEST_CACHE_BYTES) -> Cache[str, bytes]:
    """A cache of immutable contents by digest."""
    return Cache(limit, len)
