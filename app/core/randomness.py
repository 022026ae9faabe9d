"""Random bytes from the kernel, drawn in blocks: each system call lets another thread take the interpreter lock."""

import os
from collections import deque
from typing import Final

_BLOCK: Final = 64


class Randomness:
    """Random pieces of one length, fit for secrets; no piece is returned twice, in this process or a fork of it."""

    __slots__ = ("_length", "_pieces")

    def __init__(self, length: int) -> None:
        """Return pieces of ``length`` bytes."""
        self._length = length
        self._pieces: deque[bytes] = deque()
        os.register_at_fork(after_in_child=self._pieces.clear)

    def piece(self) -> bytes:
        """Return a new piece; from any thread."""
        while True:
            try:
                return self._pieces.pop()
            except IndexError:
                drawn = os.urandom(self._length * _BLOCK)
                self._pieces.extend(drawn[at : at + self._length] for at in range(0, len(drawn), self._length))
