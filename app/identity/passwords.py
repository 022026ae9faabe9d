"""Passwords: the rules for new ones, and argon2id for stored ones."""

import re
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.errors import FieldInvalid

_LENGTHS = range(8, 129)
_CLASSES = (re.compile(r"[A-Z]"), re.compile(r"[a-z]"), re.compile(r"[0-9]"))
_MEMORY_KIB = 19_456
_PASSES = 2
_AT_ONCE = 4


def check_rules(password: str) -> None:
    """Raise FieldInvalid unless there are 8 to 128 characters, with upper-case and lower-case letters and digits."""
    if len(password) not in _LENGTHS or not all(wanted.search(password) for wanted in _CLASSES):
        raise FieldInvalid(
            "password", "8 to 128 characters with at least one upper-case letter, one lower-case letter and one digit"
        )


class Passwords:
    """Hashes and verifies with argon2id: 19 MiB each, at most four at once per process."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1)
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        """The text to store for ``password``; takes some 20 ms."""
        with self._slots:
            return self._hasher.hash(password)

    def verify(self, password: str, stored: str | None) -> bool:
        """Tell whether ``password`` is the stored one; takes as long when none is stored, so that names do not leak."""
        with self._slots:
            try:
                self._hasher.verify(stored or self._nobodys(), password)
            except (VerificationError, InvalidHashError):
                return False
            return stored is not None

    def _nobodys(self) -> str:
        if self._nobody is None:
            self._nobody = self._hasher.hash("the password of nobody")
        return self._nobody
