"""A board that the web processes share, so that none takes all connections."""

import mmap
import struct
import time
from typing import Final

_SLOT: Final = struct.Struct("=dQ")
_SLOTS: Final = 64
_ALIVE_SECONDS: Final = 3.0


class Board:
    """How many connections each process has; made before the processes are forked."""

    def __init__(self) -> None:
        """Make an empty board."""
        self._memory = mmap.mmap(-1, _SLOT.size * _SLOTS)

    def seat(self, number: int) -> "Seat":
        """The place of the process that was started as the ``number``-th; it is reused much later."""
        return Seat(self._memory, number % _SLOTS)


class Seat:
    """One process's place on the board."""

    def __init__(self, memory: mmap.mmap, number: int) -> None:
        """Take the place."""
        self._memory = memory
        self._number = number

    def write(self, connections: int) -> None:
        """Say how many connections this process has, and that it is alive."""
        _SLOT.pack_into(self._memory, self._number * _SLOT.size, time.monotonic(), connections)

    def leave(self) -> None:
        """Take no part any more."""
        _SLOT.pack_into(self._memory, self._number * _SLOT.size, 0.0, 0)

    def is_ahead(self, connections: int) -> bool:
        """Whether another process that is alive has fewer connections; of many, an eighth more do not count."""
        alive_since = time.monotonic() - _ALIVE_SECONDS
        return any(
            seen > alive_since and count + (count >> 3) < connections and number != self._number
            for number, (seen, count) in enumerate(_SLOT.iter_unpack(self._memory))
        )
