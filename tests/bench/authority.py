"""Tokens for the peers: signed by us with the same kind of key that PyHarbor signs with (RS256, 2,048 bits)."""

import base64
import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

SERVICE = "harbor-registry"
ISSUER = "harbor-token-issuer"
_KEY_BITS = 2048
_LIFETIME_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A token issuer that the peers trust through ``certificate``."""

    key: RSAPrivateKey
    certificate: Path

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Make a key and its self-signed certificate."""
        key = generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(issuer_name=name, subject_name=name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, SHA256())
        )
        path = folder / "token.pem"
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return cls(key=key, certificate=path)

    def token(self, subject: str, access: list[dict[str, object]], key_id: str) -> str:
        """Sign a token; ``key_id`` is one of the two forms below, as the peer's version reads it."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "aud": SERVICE,
            "iat": now,
            "nbf": now - 60,
            "exp": now + _LIFETIME_SECONDS,
            "jti": hashlib.sha256(f"{subject}{now}".encode()).hexdigest()[:32],
            "access": access,
        }
        return jwt.encode(claims, self.key, "RS256", headers={"kid": key_id})


def libtrust_key_id(key: RSAPublicKey) -> str:
    """The key's name for distribution 2.x: base32 of the first 30 bytes of the hash, in groups of four."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))


def thumbprint_key_id(key: RSAPublicKey) -> str:
    """The key's name for distribution 3.x: the JWK thumbprint of RFC 7638."""
    numbers = key.public_numbers()
    e, n = (_base64(value.to_bytes((value.bit_length() + 7) // 8, "big")) for value in (numbers.e, numbers.n))
    return _base64(hashlib.sha256(f'{{"e":"{e}","kty":"RSA","n":"{n}"}}'.encode()).digest())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
