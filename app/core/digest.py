"""Content digests, ``algorithm:encoded``, by the grammar of the OCI image specification."""

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
"""Algorithms that content can be uploaded under; blake3 is accepted inside descriptors only."""


class Digest(str):
    """A digest of valid grammar; usable wherever a string is."""

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
        """Parse a digest of an uploadable algorithm; DigestInvalid for any other."""
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
