"""Waiting for what comes about by itself."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    """Return as soon as the condition holds; AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come about in {seconds} s"
        time.sleep(0.1)
