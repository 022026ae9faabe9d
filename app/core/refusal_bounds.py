"""How many facts a caller can put on record by being refused: a bound for each caller, and one for the process."""

import threading
from collections import Counter
from collections.abc import Hashable
from datetime import datetime
from typing import Final

PER_CALLER: Final = 60
"""Facts of one kind and account in a minute; one kind never keeps another off the record."""
IN_ALL: Final = 3000
"""Facts of all of them in a minute; what this takes of memory is bounded too."""
_MINUTE: Final = 60


class RefusalBounds:
    """Counts the facts of the current minute in this process; safe between threads."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._lock = threading.Lock()
        self._minute = self._total = 0
        self._equal: Counter[Hashable] = Counter()
        self._callers: Counter[tuple[str, str]] = Counter()

    def take(self, caller: str, fact: tuple[str, Hashable], most: int, now: datetime) -> bool:
        """Count a fact, its kind first, that ``caller`` causes; False when it is one too many.

        At most ``most`` equal ones a minute are not.
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
