"""Cryptography for an installation's secrets: encryption at rest, keyed hashes, constant-time comparison."""

import base64
import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.core.errors import InternalError

_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Cipher:
    """Encrypts secrets for database columns under a key of 32 bytes; retired keys still decrypt."""

    key: bytes
    retired: tuple[bytes, ...] = ()

    def encrypt(self, plain: str) -> str:
        """Encrypt a secret under the current key."""
        return _fernet(self.key).encrypt(plain.encode()).decode()

    def decrypt(self, cipher: str) -> str:
        """Decrypt a secret that was encrypted under the current or a retired key; InternalError when none fits."""
        keys = MultiFernet([_fernet(key) for key in (self.key, *self.retired)])
        try:
            return keys.decrypt(cipher.encode()).decode()
        except InvalidToken:
            raise InternalError(
                "a stored secret cannot be decrypted: the encryption key is not the one it was written with"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Pepper:
    """Hashes random secrets under a key of 32 bytes; hashes under retired keys can still be compared."""

    key: bytes
    retired: tuple[bytes, ...] = ()

    def keyed_hash(self, *parts: str) -> str:
        """Return the HMAC-SHA-256 of the parts, in hex; parts may hold any characters."""
        return keyed_hash(self.key, *parts)

    def keyed_hashes(self, *parts: str) -> tuple[str, ...]:
        """Return the parts' hash under the current key and under each retired one."""
        return tuple(keyed_hash(key, *parts) for key in (self.key, *self.retired))


class Keys(Protocol):
    """The installation's current symmetric keys, also in a process that started before their rotation."""

    @property
    def csrf(self) -> bytes:
        """The key of CSRF tokens."""
        ...

    @property
    def cipher(self) -> Cipher:
        """The cipher for secrets at rest."""
        ...

    def keyed_hash(self, *parts: str) -> str:
        """Hash as ``Pepper.keyed_hash`` does."""
        ...

    def keyed_hashes(self, *parts: str) -> tuple[str, ...]:
        """Hash as ``Pepper.keyed_hashes`` does."""
        ...


def keyed_hash(key: bytes, *parts: str) -> str:
    """Return the HMAC-SHA-256 of the parts under ``key``, in hex; parts may hold any characters."""
    return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Tell whether two secrets are equal, in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def random_key() -> bytes:
    """Return 32 random bytes."""
    return secrets.token_bytes(32)


def random_password(length: int = 20) -> str:
    """Return a random password with at least one upper-case letter, one lower-case letter and one digit."""
    while True:
        word = "".join(secrets.choice(_ALPHABET) for _ in range(length))
        if any(c.isupper() for c in word) and any(c.islower() for c in word) and any(c.isdigit() for c in word):
            return word


def _fernet(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(key))
