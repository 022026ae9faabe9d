"""A number of bytes that may be held at once."""

import threading


class ByteBudget:
    """What all threads of a process may hold together."""

    def __init__(self, size: int) -> None:
        """Allow ``size`` bytes."""
        self._left = size
        self._turn = threading.Lock()

    def take(self, count: int) -> bool:
        """Whether so many bytes may be held, until they are given back; False when too many are."""
        with self._turn:
            if count > self._left:
                return False
            self._left -= count
            return True

    def give_back(self, count: int) -> None:
        """End what ``take`` allowed."""
        with self._turn:
            self._left += count
