"""The keys that registry tokens are signed and verified with: files in the secrets folder, for all processes."""

import base64
import hashlib
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

from app.core.errors import InternalError
from app.identity.secret_files import read_or_create, replace
from app.settings import Settings

LEEWAY = timedelta(seconds=60)
"""How far the clocks of signer and verifier may be apart."""
_CURRENT = "token-signing-key.pem"
_RETIRED = re.compile(r"token-verification-key-(\d+)-[a-z0-9]+\.pem")
_BITS = 2048
_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """The private key of now and its name in tokens."""

    kid: str
    private: RSAPrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    stamp: tuple[int, int]
    signing: SigningKey
    verification: dict[str, RSAPublicKey]


class SigningKeys:
    """The key to sign with and those to verify with; follows the files, at most five seconds behind a rotation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._looked = 0.0

    def signing(self, now: datetime) -> SigningKey:
        """The key that signs now; made when the installation has none."""
        return self._fresh(now.timestamp()).signing

    def verification(self, kid: str, now: datetime) -> RSAPublicKey | None:
        """The public key of that name, None when it is unknown or was retired for longer than a token lives."""
        found = self._fresh(now.timestamp()).verification.get(kid)
        return found or self._fresh(now.timestamp(), look=True).verification.get(kid)

    def _fresh(self, now: float, *, look: bool = False) -> _Loaded:
        loaded = self._loaded
        if loaded is not None and not look and 0 <= now - self._looked < _LOOK_SECONDS:
            return loaded
        with self._lock:
            loaded = self._loaded
            if loaded is None or loaded.stamp != _stamp(self._folder):
                loaded = self._loaded = _load(self._folder, now)
            self._looked = now
            return loaded


def load_signing_keys(folder: Path) -> SigningKeys:
    """The installation's keys; makes the signing key when there is none, InternalError when the file holds none."""
    keys = SigningKeys(folder)
    keys.signing(datetime.now(UTC))
    return keys


def rotate_signing_key(settings: Settings) -> None:
    """Sign with a new key from now on; tokens of the one before are verified until the last of them has expired."""
    folder = settings.secrets_dir
    now = datetime.now(UTC)
    public = load_signing_keys(folder).signing(now).private.public_key()
    until = int((now + settings.token_expiration + timedelta(seconds=_LOOK_SECONDS) + LEEWAY).timestamp()) + 1
    content = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    replace(folder / f"token-verification-key-{until}-{_fingerprint(public)[:4].lower()}.pem", content)
    replace(folder / _CURRENT, _make())
    for path, expiry in _retired(folder):
        if expiry < now.timestamp():
            path.unlink(missing_ok=True)


def key_id(public: RSAPublicKey) -> str:
    """The key's name in libtrust's form: twelve groups of four letters or digits of its SHA-256."""
    text = _fingerprint(public)
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))


def _fingerprint(public: RSAPublicKey) -> str:
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()


def _make() -> bytes:
    return generate_private_key(public_exponent=65537, key_size=_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _stamp(folder: Path) -> tuple[int, int] | None:
    try:
        status = (folder / _CURRENT).stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_ino


def _load(folder: Path, now: float) -> _Loaded:
    path = folder / _CURRENT
    pem = read_or_create(path, _make)
    stamp = _stamp(folder)
    try:
        private = serialization.load_pem_private_key(pem, None)
    except ValueError as error:
        raise InternalError(f"{path} does not hold a private key; restore it from a backup") from error
    if not isinstance(private, RSAPrivateKey) or stamp is None:
        raise InternalError(f"{path} does not hold an RSA private key; restore it from a backup")
    kid = key_id(private.public_key())
    verification = {kid: private.public_key()}
    for public in (_public(retired) for retired, expiry in _retired(folder) if expiry >= now):
        verification[key_id(public)] = public
    return _Loaded(stamp=stamp, signing=SigningKey(kid=kid, private=private), verification=verification)


def _public(path: Path) -> RSAPublicKey:
    try:
        public = serialization.load_pem_public_key(path.read_bytes())
    except ValueError as error:
        raise InternalError(f"{path} does not hold a public key; remove it or restore it from a backup") from error
    if not isinstance(public, RSAPublicKey):
        raise InternalError(f"{path} does not hold an RSA public key; remove it or restore it from a backup")
    return public


def _retired(folder: Path) -> list[tuple[Path, int]]:
    return [(path, int(match[1])) for path in folder.iterdir() if (match := _RETIRED.fullmatch(path.name))]
