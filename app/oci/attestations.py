"""Attestations that builders list in an index beside the images they are about (BuildKit's attestation storage)."""

from collections.abc import Mapping
from typing import Any, Final

_TYPE: Final = "vnd.docker.reference.type"
_ATTESTATION: Final = "attestation-manifest"
_SUBJECT: Final = "vnd.docker.reference.digest"
_UNKNOWN: Final = "unknown"


def attested_or_none(platform: Mapping[str, Any] | None, annotations: Mapping[str, str] | None) -> str | None:
    """Return the digest of the image that an index's entry is an attestation of; None for any other entry.

    Such an entry is for no platform, ``unknown/unknown``, and has an annotation that says what it is.
    """
    if not platform or not annotations or annotations.get(_TYPE) != _ATTESTATION:
        return None
    if platform.get("os") != _UNKNOWN or platform.get("architecture") != _UNKNOWN:
        return None
    return annotations.get(_SUBJECT)
