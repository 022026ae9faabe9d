"""Work that can pause: a generator that yields nothing while it waits for a client, and returns its result."""

from collections.abc import Generator
from typing import TypeVar

R = TypeVar("R")

Pausing = Generator[None, None, R]
"""At each pause it may be left alone and resumed on any thread, or closed, and cleans up then as after an error.

Between two pauses it runs on one thread. So nothing that belongs to a thread is held at a pause: no writing
transaction, no buffer with bytes still needed.
"""


def completed(work: Pausing[R]) -> R:
    """Go through all pauses at once, on this thread, and return the result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: R = end.value
            return result
