"""Keys for small objects, in batches whose row the database has before the first object is written."""

import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.core import ids
from app.db.conflict import full_insert
from app.db.database import Database
from app.storage.models import KeyBatch

KEYS: Final = 1000
"""The number of keys in a batch."""
_USED: Final = timedelta(minutes=10)
"""How long a process uses the keys of one batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchedKey:
    """A new key, and the prefix of its batch."""

    key: str
    prefix: str


class KeyBatches:
    """Hands out the keys of one process. Objects of a batch share a folder, so that few are created and synced."""

    def __init__(self, db: Database) -> None:
        """Record the batches in ``db``, the first one when the first key is taken."""
        self._db = db
        self._turn = threading.Lock()
        self._prefix = ""
        self._next = KEYS
        self._begun: tuple[datetime, float, int] | None = None
        """The start of the batch by the installation's and by the monotonic clock, and the id of its process."""

    def take(self, now: datetime) -> BatchedKey:
        """Return the next key; an object under it must become a blob within minutes, or the purge deletes it."""
        with self._turn:
            if self._next >= KEYS or not self._is_fresh(now):
                self._begin(now)
            number, self._next = self._next, self._next + 1
            return BatchedKey(key=key_of(self._prefix, number), prefix=self._prefix)

    def leave(self) -> None:
        """Hand out no more keys of the current batch."""
        with self._turn:
            self._next = KEYS

    def _is_fresh(self, now: datetime) -> bool:
        if self._begun is None or self._begun[2] != os.getpid():
            return False
        return abs(now - self._begun[0]) < _USED and time.monotonic() - self._begun[1] < _USED.total_seconds()

    def _begin(self, now: datetime) -> None:
        prefix = ids.object_key()
        with self._db.write() as session:
            session.connection().execute(_INSERT, {"prefix": prefix, "creation_time": now})
        self._prefix, self._next = prefix, 0
        self._begun = now, time.monotonic(), os.getpid()


def key_of(prefix: str, number: int) -> str:
    """Return the key with this number in a batch."""
    return f"{prefix}/{number:03d}"


_INSERT = full_insert(KeyBatch, "prefix", "creation_time", closed=False)
