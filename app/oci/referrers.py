"""The referrers list (distribution-spec, Listing Referrers), assembled from stored descriptors."""

from collections.abc import Iterable
from typing import Any, Final

import orjson

from app.core.media_types import OCI_INDEX
from app.oci.manifests import Manifest

_OPENING: Final = b'{"schemaVersion":2,"mediaType":"' + OCI_INDEX.encode() + b'","manifests":['


def referrer_descriptor(manifest: Manifest, digest: str, size: int) -> bytes:
    """Return the JSON descriptor of a manifest that has a subject, with the manifest's annotations."""
    fields: dict[str, Any] = {"mediaType": manifest.media_type, "digest": digest, "size": size}
    if manifest.artifact_type:
        fields["artifactType"] = manifest.artifact_type
    if manifest.annotations:
        fields["annotations"] = manifest.annotations
    return orjson.dumps(fields)


def referrers_index(descriptors: Iterable[bytes]) -> bytes:
    """Return the OCI index that lists the descriptors."""
    return _OPENING + b",".join(descriptors) + b"]}"
