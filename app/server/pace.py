"""Give the loop's thread precedence over the pool's: all share one interpreter lock."""

import threading
import time
from typing import Final

_LONG_SECONDS: Final = 0.01
_REMEMBERED_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 0.05


class Pace:
    """Tells whether the loop is late, and meanwhile lets a thread begin a task only after another has ended one.

    Each time the loop's thread lets go of the interpreter lock, any thread may take it for milliseconds. With sixteen
    of them, one turn of the loop took seconds.
    """

    __slots__ = ("_began", "_late_until", "_one")

    def __init__(self) -> None:
        """Start without a turn."""
        self._began = float("inf")
        self._late_until = 0.0
        self._one = threading.Semaphore()

    def begin(self) -> None:
        """Note that a turn of the loop begins."""
        self._began = time.monotonic()

    def end(self, now: float) -> None:
        """Note that the turn has ended."""
        if now - self._began > _LONG_SECONDS:
            self._late_until = now + _REMEMBERED_SECONDS
        self._began = float("inf")

    def wait(self) -> bool:
        """Wait for the turn to begin a task, a short time at most; True when ``leave`` has to follow the task."""
        now = time.monotonic()
        late = now < self._late_until or now - self._began > _LONG_SECONDS
        return late and self._one.acquire(timeout=_PATIENCE_SECONDS)

    def leave(self) -> None:
        """Let the next thread begin."""
        self._one.release()
