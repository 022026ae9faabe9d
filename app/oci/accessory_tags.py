"""Tags that name an artifact as an accessory of a digest: cosign's, and distribution-spec's referrers tag schema."""

import re
from typing import Final

from app.core.media_types import COSIGN_SIMPLE_SIGNING, CYCLONEDX, DSSE_ENVELOPE
from app.oci.artifact_types import AccessoryKind, accessory_kind
from app.oci.manifests import Manifest, Shape

SUFFIXES: Final = ("", ".sig", ".att", ".sbom")
PREFIX: Final = "sha256-"
STEM: Final = len(PREFIX) + 64
"""The length of such a tag without its suffix."""
LENGTHS: Final = frozenset(STEM + len(suffix) for suffix in SUFFIXES)
_PAYLOADS: Final = {".sig": COSIGN_SIMPLE_SIGNING, ".att": DSSE_ENVELOPE, ".sbom": CYCLONEDX}
_TAG: Final = re.compile(rf"{PREFIX}([0-9a-f]{{64}})({'|'.join(map(re.escape, SUFFIXES))})")


def subject_or_none(tag: str, manifest: Manifest) -> str | None:
    """Return the digest of the subject that ``tag`` gives the manifest; None for other tags.

    A tag without a suffix names a subject only for an index (distribution-spec, Referrers Tag Schema).
    """
    match = _TAG.fullmatch(tag)
    if match is None or not (match[2] or manifest.shape is Shape.INDEX):
        return None
    return f"sha256:{match[1]}"


def payload_type_or_none(tag: str) -> str | None:
    """Return the media type as which readers take the layers under such a tag, whatever they claim to be."""
    match = _TAG.fullmatch(tag)
    return _PAYLOADS.get(match[2]) if match else None


def tagged_kind(tag: str, manifest: Manifest) -> AccessoryKind:
    """Return Harbor's accessory type of a manifest that is pushed under such a tag."""
    return AccessoryKind.COSIGN if tag.endswith(".sig") else accessory_kind(manifest)


def tags_about(digest: str) -> tuple[str, ...]:
    """Return the tags that name an artifact as an accessory of ``digest``."""
    return tuple(digest.replace(":", "-") + suffix for suffix in SUFFIXES)
