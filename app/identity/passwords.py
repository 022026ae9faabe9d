"""Passwords: the rules for new ones, hashing with argon2id, and verifying hashes taken over from Harbor."""

import hashlib
import hmac
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.blocking import about_to_block
from app.core.errors import FieldInvalid, UnavailableError

LONGEST: Final = 1024
"""The most characters of a password; longer ones are refused without hashing."""
_LENGTHS: Final = range(8, 129)
_CLASSES: Final = (re.compile(r"[A-Z]"), re.compile(r"[a-z]"), re.compile(r"[0-9]"))
_MEMORY_KIB = 19_456
_PASSES = 2
_AT_ONCE: Final = 2
_IN_LINE: Final = 16
_HARBORS: Final = re.compile(r"harbor-pbkdf2\$(sha1|sha256)\$([1-9][0-9]{0,6})\$(.*)\$((?:[0-9a-f]{2})+)", re.DOTALL)


def require_password_rules(password: str, field: str = "password") -> None:
    """Raise FieldInvalid unless it has 8 to 128 characters, with upper-case and lower-case letters and digits."""
    if len(password) not in _LENGTHS or not all(pattern.search(password) for pattern in _CLASSES):
        raise FieldInvalid(
            field, "8 to 128 characters with at least one upper-case letter, one lower-case letter and one digit"
        )


def _not_known() -> bool:
    return False


class Passwords:
    """Hashes and verifies with argon2id: 19 MiB each, two at once per process and 16 more in a queue.

    Methods raise UnavailableError when the queue is full, which bounds memory and waiting threads. Only then
    ``is_known`` is called; when it returns True the caller waits all the same, as guessers from many addresses can
    fill the queue.

    Hashes from Harbor are verified too, stored as ``harbor-pbkdf2$algorithm$iterations$salt$hexadecimal digits``, where
    the algorithm is Harbor's ``password_version`` (sha1 or sha256) and the iterations are 4096.
    """

    _slots: ClassVar = threading.BoundedSemaphore(_AT_ONCE)
    _line: ClassVar = threading.BoundedSemaphore(_AT_ONCE + _IN_LINE)

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1)
        self._absent: str | None = None

    def hash(self, password: str, is_known: Callable[[], bool] = _not_known) -> str:
        """Return the hash to store for ``password``; takes some 20 ms."""
        with self._turn(is_known):
            return self._hasher.hash(password)

    def verify(self, password: str, stored: str | None, is_known: Callable[[], bool] = _not_known) -> bool:
        """Tell whether ``password`` is the stored one; take as long when none is stored, so that names do not leak.

        A wrong guess at a password from Harbor takes a little longer.
        """
        if len(password) > LONGEST:
            return False
        with self._turn(is_known):
            if stored is not None and (harbors := _HARBORS.fullmatch(stored)):
                if _verify_harbors(password, *harbors.groups()):
                    return True
                stored = None
            try:
                self._hasher.verify(stored or self._hash_of_absent(), password)
            except (VerificationError, InvalidHashError):
                return False
            return stored is not None

    def outdated(self, stored: str) -> bool:
        """Tell whether a verified password should be hashed again: its hash is Harbor's, or has outdated parameters."""
        return _HARBORS.fullmatch(stored) is not None or self._hasher.check_needs_rehash(stored)

    @contextmanager
    def _turn(self, is_known: Callable[[], bool]) -> Iterator[None]:
        about_to_block()
        counted = self._line.acquire(blocking=False)
        if not counted and not is_known():
            raise UnavailableError("too many logins at this moment, try again", retry_after=1)
        try:
            with self._slots:
                yield
        finally:
            if counted:
                self._line.release()

    def _hash_of_absent(self) -> str:
        if self._absent is None:
            self._absent = self._hasher.hash("the password of an account that does not exist")
        return self._absent


def _verify_harbors(password: str, algorithm: str, iterations: str, salt: str, digits: str) -> bool:
    expected = bytes.fromhex(digits)
    digest = hashlib.pbkdf2_hmac(algorithm, password.encode(), salt.encode(), int(iterations), len(expected))
    return hmac.compare_digest(digest, expected)
