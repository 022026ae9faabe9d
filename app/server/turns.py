"""A queue in which clients take turns: thousands of entries of one delay another's by one entry each time."""

from collections import deque
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


class Turns(Generic[Entry]):
    """Entries by place, as ``place_of`` names it; in order within a place, one of each place in turn.

    A place that had no entry comes next, though never two such places in a row while others wait.
    """

    __slots__ = ("_new", "_new_is_next", "_old", "_queues", "_size")

    def __init__(self) -> None:
        """Start empty."""
        self._queues: dict[str, deque[Entry]] = {}
        self._new: deque[str] = deque()
        self._old: deque[str] = deque()
        self._new_is_next = True
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, place: str, entry: Entry) -> None:
        """Add the last entry of its place."""
        queue = self._queues.get(place)
        if queue is None:
            self._queues[place] = deque((entry,))
            self._new.append(place)
        else:
            queue.append(entry)
        self._size += 1

    def take(self) -> Entry:
        """Remove and return the first entry of the place whose turn it is; IndexError when empty."""
        is_new = bool(self._new) and (self._new_is_next or not self._old)
        self._new_is_next = not is_new
        place = (self._new if is_new else self._old).popleft()
        queue = self._queues[place]
        entry = queue.popleft()
        if queue:
            self._old.append(place)
        else:
            del self._queues[place]
        self._size -= 1
        return entry

    def share(self, place: str, most: int) -> bool:
        """Tell whether ``place`` has fewer entries than its part of ``most``, of which each place gets the same."""
        queue = self._queues.get(place)
        return queue is None or len(queue) * len(self._queues) < most
