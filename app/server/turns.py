"""A queue in which clients take turns: thousands of entries of one delay another's by one entry each time."""

from collections import deque
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


class Turns(Generic[Entry]):
    """Entries by place, as ``place_of`` names it; in order within a place, one of each place in turn."""

    __slots__ = ("_order", "_queues", "_size")

    def __init__(self) -> None:
        """Start empty."""
        self._queues: dict[str, deque[Entry]] = {}
        self._order: deque[str] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, place: str, entry: Entry) -> None:
        """Add the last entry of its place."""
        queue = self._queues.get(place)
        if queue is None:
            self._queues[place] = deque((entry,))
            self._order.append(place)
        else:
            queue.append(entry)
        self._size += 1

    def take(self) -> Entry:
        """Remove and return the first entry of the place whose turn it is; IndexError when empty."""
        place = self._order.popleft()
        queue = self._queues[place]
        entry = queue.popleft()
        if queue:
            self._order.append(place)
        else:
            del self._queues[place]
        self._size -= 1
        return entry

    def share(self, place: str, most: int) -> bool:
        """Tell whether ``place`` has fewer entries than its part of ``most``, of which each place gets the same."""
        queue = self._queues.get(place)
        return queue is None or len(queue) * len(self._queues) < most
