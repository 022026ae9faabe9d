"""A bound on bytes that are held in memory at once."""

import threading


class ByteBudget:
    """The bytes that all threads of a process may hold together."""

    def __init__(self, size: int) -> None:
        """Allow ``size`` bytes in all."""
        self._left = size
        self._turn = threading.Lock()

    def take(self, count: int) -> bool:
        """Reserve ``count`` bytes until ``give_back``; False, and nothing reserved, when fewer are left."""
        with self._turn:
            if count > self._left:
                return False
            self._left -= count
            return True

    def give_back(self, count: int) -> None:
        """Return ``count`` bytes that ``take`` reserved."""
        with self._turn:
            self._left += count
