"""Work that can pause: a generator that yields None where it waits for a client, and returns its result."""

from collections.abc import Generator
from typing import TypeVar

R = TypeVar("R")

Pausing = Generator[None, None, R]
"""A generator that may be resumed on any thread after a pause, or closed, when it cleans up as after an error.

It runs on one thread between two pauses, so it holds nothing of a thread across a pause: no writing transaction,
no buffer with bytes that are still needed.
"""


def completed(work: Pausing[R]) -> R:
    """Run the work to its end on this thread, without pausing, and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: R = end.value
            return result
