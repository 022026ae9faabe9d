"""Shared memory in which web processes see each other's connections, so that they share new ones evenly."""

import mmap
import struct
import time
from typing import Final

_SLOT: Final = struct.Struct("=dQ")
_SLOTS: Final = 64
_ALIVE_SECONDS: Final = 3.0


class Board:
    """The number of connections of each process; made before the processes are forked."""

    def __init__(self) -> None:
        """Make an empty board."""
        self._memory = mmap.mmap(-1, _SLOT.size * _SLOTS)

    def seat(self, number: int) -> "Seat":
        """Return the slot of the ``number``-th process that was started; slots are reused after _SLOTS starts."""
        return Seat(self._memory, number % _SLOTS)


class Seat:
    """One process's slot on the board."""

    def __init__(self, memory: mmap.mmap, number: int) -> None:
        """Use slot ``number`` of the board's memory."""
        self._memory = memory
        self._number = number

    def write(self, connections: int) -> None:
        """Write this process's number of connections, which also shows that it is alive."""
        _SLOT.pack_into(self._memory, self._number * _SLOT.size, time.monotonic(), connections)

    def leave(self) -> None:
        """Clear the slot because this process accepts no more."""
        _SLOT.pack_into(self._memory, self._number * _SLOT.size, 0.0, 0)

    def is_ahead(self, connections: int) -> bool:
        """Tell whether another live process has fewer connections; a difference below an eighth is ignored."""
        alive_since = time.monotonic() - _ALIVE_SECONDS
        return any(
            seen > alive_since and count + (count >> 3) < connections and number != self._number
            for number, (seen, count) in enumerate(_SLOT.iter_unpack(self._memory))
        )
