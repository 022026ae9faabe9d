"""The signing and verification keys of registry tokens, files in the secrets folder that all processes share."""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from app.core.errors import PreconditionError
from app.identity.fingerprints import KeyName
from app.identity.following import FollowedKey
from app.identity.key_folder import KeyFiles, KeyFolder, read_signing_key
from app.identity.secret_files import replace

LEEWAY = timedelta(seconds=60)
"""The largest difference between the clocks of signer and verifier."""
_RETIRED = re.compile(r"token-verification-key-(\d+)-[a-z0-9]+\.pem")
_MARGIN = timedelta(seconds=5)
"""How long after a rotation a token of the previous key may still be issued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """The current private key and its name in tokens."""

    kid: str
    private: RSAPrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    signing: SigningKey
    verification: dict[str, tuple[RSAPublicKey, float]]
    """The verification keys by name, with the time until which each is valid."""


class SigningKeys:
    """Provides the key to sign with and those to verify with, read again after a rotation."""

    def __init__(self, folder: KeyFolder) -> None:
        self._folder = folder
        self._followed = FollowedKey(folder, KeyName.SIGNING, self._load)

    def signing(self) -> SigningKey:
        """Return the current signing key; raise UnavailableError as ``FollowedKey.now`` does."""
        return self._followed.now().signing

    def verification(self, kid: str, now: datetime) -> RSAPublicKey | None:
        """Return the public key of this name, None when it is unknown or was retired longer ago than a token lives."""
        public, until = self._followed.now().verification.get(kid, (None, 0.0))
        return public if now.timestamp() <= until else None

    def _load(self, files: KeyFiles) -> _Loaded:
        private = read_signing_key(self._folder.file_of(KeyName.SIGNING), files.current)
        kid = key_id(private.public_key())
        verification = {kid: (private.public_key(), float("inf"))}
        for path, until in _retired(self._folder.path):
            if until >= datetime.now(UTC).timestamp():
                public = _public(path)
                verification.setdefault(key_id(public), (public, until))
        return _Loaded(signing=SigningKey(kid=kid, private=private), verification=verification)


def rotate_signing_key(folder: KeyFolder, token_expiration: timedelta, *, at_once: bool = False) -> None:
    """Replace the signing key by a new one.

    Tokens of the previous key are verified until the last of them has expired, unless they shall end ``at_once``.
    """
    folder.check_in()
    now = datetime.now(UTC)
    for path, until in _retired(folder.path):
        if at_once or until < now.timestamp():
            path.unlink(missing_ok=True)
    if not at_once:
        public = SigningKeys(folder).signing().private.public_key()
        until = int((now + token_expiration + _MARGIN + LEEWAY).timestamp()) + 1
        content = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        replace(folder.path / f"token-verification-key-{until}-{_fingerprint(public)[:4].lower()}.pem", content)
    folder.rotate(KeyName.SIGNING, at_once=at_once)


def key_id(public: RSAPublicKey) -> str:
    """Return the key's name in libtrust's form: twelve groups of four letters or digits of its SHA-256."""
    text = _fingerprint(public)
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))


def _fingerprint(public: RSAPublicKey) -> str:
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()


def _public(path: Path) -> RSAPublicKey:
    try:
        public = serialization.load_pem_public_key(path.read_bytes())
    except ValueError as error:
        raise PreconditionError(f"{path} does not hold a public key; remove it or restore it from a backup") from error
    if not isinstance(public, RSAPublicKey):
        raise PreconditionError(f"{path} does not hold an RSA public key; remove it or restore it from a backup")
    return public


def _retired(folder: Path) -> list[tuple[Path, int]]:
    return [(path, int(match[1])) for path in folder.iterdir() if (match := _RETIRED.fullmatch(path.name))]
