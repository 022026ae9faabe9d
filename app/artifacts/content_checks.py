"""Configs and signatures that a manifest names: looked into for facts, and for what readers would differ on."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

from app.artifacts.blob_content import read_blob
from app.context import Context
from app.core.digest import Digest
from app.core.errors import BlobUnknown, ManifestInvalid, TooLarge
from app.core.media_types import ATTESTATIONS, OCI_CONFIG
from app.core.reference import RepositoryName
from app.oci.descriptors import Descriptor
from app.oci.image_config import READABLE, config_facts
from app.oci.limits import CHECKED_BYTES, CONFIG_BYTES, LARGE_DOCUMENT, PAYLOAD_BYTES, PAYLOADS_PER_MANIFEST
from app.oci.manifests import Manifest
from app.oci.signatures import PAYLOADS, require_plain_payload

_CHECKED: Final = READABLE | PAYLOADS


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was found in the configs and signatures of one manifest."""

    facts: dict[str, Any] | None
    """Of its config."""
    unseen: frozenset[Digest]
    """Those that were not there: this push may not refer to one that came meanwhile."""


def check_content(ctx: Context, repository: RepositoryName, manifest: Manifest) -> Looked:
    """Look into the configs and signatures that the manifest names.

    Also those of documents of other types, which some clients read as images all the same, and a config that names no
    media type, which they take for an image's. ManifestInvalid for one that readers would differ on, and for what is
    too much to be looked into; only attestations may be larger than that.
    """
    named = {(each.digest, each.media_type): each for each in _as_read(manifest) if each.media_type in _CHECKED}
    if len(named) > PAYLOADS_PER_MANIFEST:
        raise ManifestInvalid(f"at most {PAYLOADS_PER_MANIFEST} configs and signatures are accepted in one manifest")
    facts, left = None, CHECKED_BYTES
    unseen: set[Digest] = set()
    for descriptor in named.values():
        try:
            content = _content(ctx, repository, descriptor)
        except BlobUnknown:
            unseen.add(descriptor.digest)
            continue
        if content is None:
            continue
        left -= len(content)
        if left < 0:
            raise ManifestInvalid(f"configs and signatures of one manifest have at most {CHECKED_BYTES} bytes together")
        with ctx.ports.large_documents if len(content) > LARGE_DOCUMENT else nullcontext():
            found = _checked(descriptor, content)
        if manifest.config is not None and manifest.config.media_type and descriptor.digest == manifest.config.digest:
            facts = facts or found
    return Looked(facts=facts, unseen=frozenset(unseen))


def _as_read(manifest: Manifest) -> Iterator[Descriptor]:
    """What is named, a config without a media type as that of an image."""
    yield from manifest.named
    if manifest.config is not None and not manifest.config.media_type:
        yield replace(manifest.config, media_type=OCI_CONFIG)


def _content(ctx: Context, repository: RepositoryName, descriptor: Descriptor) -> bytes | None:
    """What is to be looked into, None when it is unreadable or need not be; BlobUnknown when it is not there."""
    limit = CONFIG_BYTES if descriptor.media_type in READABLE else PAYLOAD_BYTES
    try:
        return read_blob(ctx, repository, descriptor.digest, limit)
    except TooLarge as error:
        if descriptor.media_type in ATTESTATIONS:
            return None
        message = f"content of {descriptor.media_type} {descriptor.digest} has more than {limit} bytes"
        raise ManifestInvalid(message, detail={"digest": descriptor.digest}) from error


def _checked(descriptor: Descriptor, content: bytes) -> dict[str, Any] | None:
    if descriptor.media_type in READABLE:
        return config_facts(descriptor.media_type, content)
    require_plain_payload(descriptor.media_type, content, f"content of layer {descriptor.digest}")
    return None
