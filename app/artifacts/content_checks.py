"""Parsing of the configs and signatures that a manifest names: for facts to show, and to refuse ambiguous JSON."""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

from app.artifacts.blob_content import read_blob
from app.context import Context
from app.core.digest import Digest
from app.core.errors import BlobUnknown, ManifestInvalid, TooLarge
from app.core.media_types import ATTESTATIONS, CYCLONEDX, OCI_CONFIG
from app.core.reference import RepositoryName
from app.oci import accessory_tags
from app.oci.descriptors import Descriptor
from app.oci.image_config import READ_AS_IMAGES, READABLE, config_facts_or_none
from app.oci.limits import CHECKED_BYTES, CONFIG_BYTES, LARGE_DOCUMENT, PAYLOAD_BYTES, PAYLOADS_PER_MANIFEST
from app.oci.manifests import Manifest, Shape
from app.oci.signatures import payload_type_or_none, require_plain_payload

_LARGE: Final = ATTESTATIONS | {CYCLONEDX}
"""Media types of what may be too large to be parsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedContent:
    """The result of parsing the configs and signatures of one manifest."""

    facts: dict[str, Any] | None
    """The facts of its config that lists show; None without any."""
    unchecked: frozenset[Digest]
    """Configs and signatures that could not be read; the push must not refer to one that the repository holds."""


def check_content(ctx: Context, repository: RepositoryName, manifest: Manifest, tags: Iterable[str]) -> CheckedContent:
    """Parse the configs and signatures that the manifest names, or holds because of its artifact type or ``tags``.

    Include those of documents of unknown type, which some clients read as images, and a config without a media type,
    which they read as an image config. Raise ManifestInvalid for JSON that readers do not all read alike, and for too
    large or too many configs and signatures; an attestation may be larger, and is not parsed then.
    """
    as_read = sorted(_as_read(manifest, tags), key=lambda descriptor: descriptor.embedded is not None)
    to_check = {(descriptor.digest, descriptor.media_type): descriptor for descriptor in as_read}
    if len(to_check) > PAYLOADS_PER_MANIFEST:
        raise ManifestInvalid(f"at most {PAYLOADS_PER_MANIFEST} configs and signatures are accepted in one manifest")
    facts, left = None, CHECKED_BYTES
    unchecked: set[Digest] = set()
    for descriptor in to_check.values():
        try:
            content = _content_or_none(ctx, repository, descriptor)
        except BlobUnknown:
            unchecked.add(descriptor.digest)
            continue
        if content is None:
            continue
        left -= len(content)
        if left < 0:
            raise ManifestInvalid(f"configs and signatures of one manifest have at most {CHECKED_BYTES} bytes together")
        with ctx.ports.large_documents if len(content) > LARGE_DOCUMENT else nullcontext():
            content_facts = _facts_or_none(descriptor, content)
        if (
            manifest.config is not None
            and manifest.config.media_type in READABLE
            and descriptor.digest == manifest.config.digest
        ):
            facts = facts or content_facts
    return CheckedContent(facts=facts, unchecked=frozenset(unchecked))


def _as_read(manifest: Manifest, tags: Iterable[str]) -> Iterator[Descriptor]:
    """Yield the configs and signatures among the manifest's descriptors, each with the media type it is read as."""
    for descriptor in manifest.named:
        if descriptor.media_type in READABLE:
            yield descriptor
        elif (payload_type := payload_type_or_none(descriptor.media_type)) is not None:
            yield replace(descriptor, media_type=payload_type)
    if manifest.config is not None and manifest.config.media_type in READ_AS_IMAGES:
        yield replace(manifest.config, media_type=OCI_CONFIG)
    for payload_type in (payload_type_or_none(manifest.artifact_type), *map(accessory_tags.payload_type_or_none, tags)):
        if payload_type is not None:
            yield from (replace(descriptor, media_type=payload_type) for descriptor in _payloads(manifest))


def _payloads(manifest: Manifest) -> tuple[Descriptor, ...]:
    """Return the descriptors that readers of signatures take for their payloads, whatever media type they claim."""
    return (*manifest.layers, *(manifest.entries if manifest.shape is Shape.OPAQUE else ()))


def _content_or_none(ctx: Context, repository: RepositoryName, descriptor: Descriptor) -> bytes | None:
    """Return the content to parse, from the repository or the descriptor; None for a large attestation.

    Raise BlobUnknown when it cannot be read.
    """
    limit = CONFIG_BYTES if descriptor.media_type in READABLE else PAYLOAD_BYTES
    try:
        return read_blob(ctx, repository, descriptor.digest, limit)
    except BlobUnknown:
        if descriptor.embedded is None:
            raise
        return descriptor.embedded
    except TooLarge as error:
        if descriptor.media_type in _LARGE:
            return None
        message = f"content of {descriptor.media_type} {descriptor.digest} has more than {limit} bytes"
        raise ManifestInvalid(message, detail={"digest": descriptor.digest}) from error


def _facts_or_none(descriptor: Descriptor, content: bytes) -> dict[str, Any] | None:
    """Raise ManifestInvalid for ambiguous JSON; return the facts of a config, None for a signature."""
    if descriptor.media_type in READABLE:
        return config_facts_or_none(descriptor.media_type, content)
    require_plain_payload(descriptor.media_type, content, f"content of layer {descriptor.digest}")
    return None
