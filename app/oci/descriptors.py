"""Content descriptors (image-spec descriptor.md), parsed strictly in the fields that the registry relies on."""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.core.digest import UPLOADABLE, Digest
from app.core.errors import DigestInvalid, ManifestInvalid
from app.core.media_types import KNOWN, NON_DISTRIBUTABLE
from app.oci.limits import DIGEST_LENGTH, MEDIA_TYPE_LENGTH, SIZE

_VISIBLE: Final = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A content descriptor: the media type, digest and size of other content."""

    media_type: str
    digest: Digest
    size: int
    artifact_type: str = ""
    annotations: Mapping[str, str] | None = None
    platform: Mapping[str, Any] | None = None
    embedded: bytes | None = None
    """The content itself, from ``data``; None when it is not embedded."""

    @property
    def distributable(self) -> bool:
        """Tell whether a registry must hold the content (False for non-distributable layers)."""
        return self.media_type not in NON_DISTRIBUTABLE


def descriptor(value: object, place: str) -> Descriptor:
    """Parse a descriptor; raise ManifestInvalid that names the ``place``, as in ``layers[3].size``."""
    if not isinstance(value, dict):
        raise ManifestInvalid(f"{place} must be a descriptor, an object with mediaType, digest and size")
    platform, data = value.get("platform"), value.get("data")
    kind = media_type(value.get("mediaType"), f"{place}.mediaType")
    digest = _digest(value.get("digest"), f"{place}.digest")
    size = _size(value.get("size"), f"{place}.size")
    return Descriptor(
        media_type=kind,
        digest=digest,
        size=size,
        artifact_type=media_type(value.get("artifactType"), f"{place}.artifactType"),
        annotations=annotations(value.get("annotations"), f"{place}.annotations"),
        platform=platform if isinstance(platform, dict) else None,
        embedded=None if data is None else embedded(data, place, digest, size),
    )


def embedded(value: object, place: str, digest: Digest, size: int | None = None) -> bytes:
    """Return the embedded content; raise ManifestInvalid unless it has the descriptor's size and digest.

    Clients use the embedded content instead of the blob, so it must be the same bytes, in base64 (image-spec
    descriptor.md, Embedded Content). A ``size`` of None is not compared.
    """
    where = f"{place}.data".removeprefix(".")
    if not isinstance(value, str):
        raise ManifestInvalid(f"{where} must be text, the content in base64", detail={"place": where})
    if digest.algorithm not in UPLOADABLE:
        message = f"{where} can be verified only with a digest by {' or '.join(UPLOADABLE)}"
        raise ManifestInvalid(message, detail={"place": where})
    try:
        content = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        raise ManifestInvalid(f"{where} is not base64", detail={"place": where}) from None
    if size is not None and len(content) != size:
        raise ManifestInvalid(f"{where} has {len(content)} bytes, its size says {size}", detail={"place": where})
    if Digest.of(content, digest.algorithm) != digest:
        raise ManifestInvalid(f"{where} has another digest than {digest}", detail={"place": where})
    return content


def descriptors(value: object, place: str) -> tuple[Descriptor, ...]:
    """Parse a list of descriptors, where null is the empty list; raise ManifestInvalid that names the place."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ManifestInvalid(f"{place} must be a list of descriptors")
    return tuple(descriptor(entry, f"{place}[{position}]") for position, entry in enumerate(value))


def media_type(value: object, place: str) -> str:
    """Return a media type unchanged; empty when it is absent.

    Raise ManifestInvalid for an invalid one, and for a known one in another spelling, which clients read as the known.
    """
    if value is None:
        return ""
    if isinstance(value, str) and len(value) <= MEDIA_TYPE_LENGTH and _VISIBLE.fullmatch(value):
        require_spelling(value, place)
        return value
    raise ManifestInvalid(f"{place} must be a media type of at most {MEDIA_TYPE_LENGTH} visible characters")


def require_spelling(value: str, place: str) -> None:
    """Raise ManifestInvalid for a known media type in another spelling, or with parameters (RFC 9110 section 8.3.1)."""
    if value in KNOWN:
        return
    known = value.partition(";")[0].strip().lower()
    if known in KNOWN:
        raise ManifestInvalid(f"{place}: write {value[:300]!r} as {known!r}")


def annotations(value: object, place: str) -> Mapping[str, str] | None:
    """Return annotations, a map of text to text; None when absent. Raise ManifestInvalid for anything else."""
    if value is None:
        return None
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return value
    raise ManifestInvalid(f"{place} must be an object whose values are text")


def _digest(value: object, place: str) -> Digest:
    if isinstance(value, str) and len(value) <= DIGEST_LENGTH:
        try:
            return Digest.parse(value)
        except DigestInvalid as error:
            raise ManifestInvalid(f"{place}: {error.message}", detail={"digest": value}) from None
    raise ManifestInvalid(f"{place} must be a digest of at most {DIGEST_LENGTH} characters")


def _size(value: object, place: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= SIZE:
        return value
    raise ManifestInvalid(f"{place} must be a whole number from 0 to {SIZE}")
