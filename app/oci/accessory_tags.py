"""Tags by which tools without referrers name an accessory of a digest: cosign's, and distribution-spec's fallback."""

import re
from typing import Final

from app.oci.artifact_types import AccessoryKind, accessory_kind
from app.oci.manifests import Manifest, Shape

SUFFIXES: Final = ("", ".sig", ".att", ".sbom")
PREFIX: Final = "sha256-"
STEM: Final = len(PREFIX) + 64
"""Characters of such a tag without its suffix."""
LENGTHS: Final = frozenset(STEM + len(suffix) for suffix in SUFFIXES)
_TAG: Final = re.compile(rf"{PREFIX}([0-9a-f]{{64}})({'|'.join(map(re.escape, SUFFIXES))})")


def subject_of(tag: str, manifest: Manifest) -> str | None:
    """The digest that ``manifest`` says something about under ``tag``; None for other tags.

    Without a suffix it is the referrers tag schema, which is an index (distribution-spec, Referrers Tag Schema).
    """
    named = _TAG.fullmatch(tag)
    if named is None or not (named[2] or manifest.shape is Shape.INDEX):
        return None
    return f"sha256:{named[1]}"


def tagged_kind(tag: str, manifest: Manifest) -> AccessoryKind:
    """Harbor's accessory type of what is pushed under such a tag."""
    return AccessoryKind.COSIGN if tag.endswith(".sig") else accessory_kind(manifest)


def tags_about(digest: str) -> tuple[str, ...]:
    """The tags under which accessories of ``digest`` are looked for."""
    return tuple(digest.replace(":", "-") + suffix for suffix in SUFFIXES)
