"""Bounds on the refusals that are recorded in a minute: per caller, and for the process."""

import threading
from collections import Counter
from collections.abc import Hashable
from datetime import datetime
from typing import Final

PER_CALLER: Final = 60
"""Recorded refusals of one kind and account in a minute; kinds are counted apart."""
IN_ALL: Final = 3000
"""Recorded refusals of all callers in a minute, which bounds the counters' memory too."""
_MINUTE: Final = 60


class RefusalBounds:
    """Counts the recorded refusals of the current minute in this process; thread-safe."""

    def __init__(self) -> None:
        """Start with empty counters."""
        self._lock = threading.Lock()
        self._minute = self._total = 0
        self._equal: Counter[Hashable] = Counter()
        self._callers: Counter[tuple[str, str]] = Counter()

    def take(self, caller: str, fact: tuple[str, Hashable], most: int, now: datetime) -> bool:
        """Count a refusal of ``caller``; False when it exceeds a bound and must not be recorded.

        ``fact`` is its kind and what it is about; at most ``most`` equal ones are recorded in a minute.
        """
        minute, key, account = int(now.timestamp()) // _MINUTE, (caller, fact), (caller, fact[0])
        with self._lock:
            if minute != self._minute:
                self._minute, self._total = minute, 0
                self._equal.clear()
                self._callers.clear()
            if self._equal[key] >= most or self._callers[account] >= PER_CALLER or self._total >= IN_ALL:
                return False
            self._total += 1
            self._equal[key] += 1
            self._callers[account] += 1
            return True
