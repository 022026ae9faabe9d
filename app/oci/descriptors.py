"""Content descriptors (image-spec descriptor.md), read strictly where meaning depends on them."""

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
    """What a document says about other content: its media type, digest and size."""

    media_type: str
    digest: Digest
    size: int
    artifact_type: str = ""
    annotations: Mapping[str, str] | None = None
    platform: Mapping[str, Any] | None = None

    @property
    def distributable(self) -> bool:
        """Whether a registry has to hold the content."""
        return self.media_type not in NON_DISTRIBUTABLE


def descriptor(value: object, place: str) -> Descriptor:
    """Read a descriptor; ManifestInvalid names the ``place``, as in ``layers[3].size``."""
    if not isinstance(value, dict):
        raise ManifestInvalid(f"{place} must be a descriptor, an object with mediaType, digest and size")
    platform = value.get("platform")
    read = Descriptor(
        media_type=media_type(value.get("mediaType"), f"{place}.mediaType"),
        digest=_digest(value.get("digest"), f"{place}.digest"),
        size=_size(value.get("size"), f"{place}.size"),
        artifact_type=media_type(value.get("artifactType"), f"{place}.artifactType"),
        annotations=annotations(value.get("annotations"), f"{place}.annotations"),
        platform=platform if isinstance(platform, dict) else None,
    )
    if value.get("data") is not None:
        require_data(value["data"], place, read.digest, read.size)
    return read


def require_data(value: object, place: str, digest: Digest, size: int | None = None) -> None:
    """Raise ManifestInvalid for embedded content that is not the content which the descriptor names.

    Readers take it instead of the blob, so that it must be base64 of as many bytes and of that digest (image-spec
    descriptor.md, Embedded Content).
    """
    where = f"{place}.data".removeprefix(".")
    if not isinstance(value, str):
        raise ManifestInvalid(f"{where} must be text, the content in base64", detail={"place": where})
    if digest.algorithm not in UPLOADABLE:
        message = f"{where} cannot be compared with a digest of another algorithm than {' or '.join(UPLOADABLE)}"
        raise ManifestInvalid(message, detail={"place": where})
    try:
        content = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        raise ManifestInvalid(f"{where} is not base64", detail={"place": where}) from None
    if size is not None and len(content) != size:
        raise ManifestInvalid(f"{where} has {len(content)} bytes, its size says {size}", detail={"place": where})
    if Digest.of(content, digest.algorithm) != digest:
        raise ManifestInvalid(f"{where} has another digest than {digest}", detail={"place": where})


def descriptors(value: object, place: str) -> tuple[Descriptor, ...]:
    """Read a list of descriptors; null is the empty list."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ManifestInvalid(f"{place} must be a list of descriptors")
    return tuple(descriptor(entry, f"{place}[{position}]") for position, entry in enumerate(value))


def media_type(value: object, place: str) -> str:
    """Read a media type, kept as it is; empty when absent.

    ManifestInvalid also for a known one in another spelling, which readers that know it would take for it.
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
    meant = value.partition(";")[0].strip().lower()
    if meant in KNOWN:
        raise ManifestInvalid(f"{place}: write {value[:300]!r} as {meant!r}")


def annotations(value: object, place: str) -> Mapping[str, str] | None:
    """Read annotations, a map of text to text; None when absent."""
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
