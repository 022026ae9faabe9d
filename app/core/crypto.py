"""Secrets of an installation: encryption at rest, keyed hashes, constant-time comparison."""

import base64
import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken

from app.core.errors import InternalError

_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Keyring:
    """The installation's symmetric keys, 32 bytes each."""

    encryption: bytes
    csrf: bytes
    pepper: bytes

    def encrypt(self, plain: str) -> str:
        """Encrypt a secret for a database column."""
        return Fernet(base64.urlsafe_b64encode(self.encryption)).encrypt(plain.encode()).decode()

    def decrypt(self, cipher: str) -> str:
        """Decrypt what ``encrypt`` made; InternalError when the key does not fit."""
        try:
            return Fernet(base64.urlsafe_b64encode(self.encryption)).decrypt(cipher.encode()).decode()
        except InvalidToken:
            raise InternalError(
                "a stored secret cannot be decrypted: the encryption key is not the one it was written with"
            ) from None

    def keyed_hash(self, *parts: str) -> str:
        """HMAC-SHA-256 in hex over the parts, which may hold any characters."""
        return keyed_hash(self.pepper, *parts)


def keyed_hash(key: bytes, *parts: str) -> str:
    """HMAC-SHA-256 in hex over the parts, which may hold any characters."""
    return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def random_key() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(32)


def random_password(length: int = 20) -> str:
    """A password with at least one upper-case letter, one lower-case letter and one digit."""
    while True:
        word = "".join(secrets.choice(_ALPHABET) for _ in range(length))
        if any(c.isupper() for c in word) and any(c.islower() for c in word) and any(c.isdigit() for c in word):
            return word
