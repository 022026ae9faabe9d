"""Content digests as OCI image-spec's descriptor grammar has them: ``algorithm:encoded``."""

import hashlib
import re
from typing import Self

from app.core.errors import DigestInvalid

_GRAMMAR = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_REGISTERED = {
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "sha512": re.compile(r"[0-9a-f]{128}"),
    "blake3": re.compile(r"[0-9a-f]{64}"),
}
UPLOADABLE = ("sha256", "sha512")
"""Algorithms by which content can be stored here; blake3 is known inside descriptors only."""


class Digest(str):
    """A digest of valid grammar; a plain string everywhere a string is wanted."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the digest, or raise DigestInvalid naming what is wrong (image-spec descriptor.md, Digests)."""
        algorithm, _, encoded = text.partition(":")
        registered = _REGISTERED.get(algorithm)
        if registered.fullmatch(encoded) if registered else _GRAMMAR.fullmatch(text):
            return cls(text)
        raise DigestInvalid(
            f"invalid digest {text[:160]!r}: expected algorithm:encoded, as in sha256:<64 lower-case hex digits>"
        )

    @classmethod
    def parse_uploadable(cls, text: str) -> Self:
        """As ``parse``, and refuse algorithms that content cannot be stored under."""
        digest = cls.parse(text)
        if digest.algorithm not in UPLOADABLE:
            raise DigestInvalid(
                f"unsupported digest algorithm {digest.algorithm!r}: expected one of {', '.join(UPLOADABLE)}"
            )
        return digest

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> Self:
        """Compute the digest of ``content`` with an uploadable algorithm."""
        return cls(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")

    @property
    def algorithm(self) -> str:
        """The part before the colon."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """The part after the colon."""
        return self.partition(":")[2]
