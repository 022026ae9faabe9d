"""Manifests and indexes (image-spec manifest.md, image-index.md; Docker's schema 2), and documents of other types."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from app.core.digest import Digest
from app.core.errors import ManifestInvalid
from app.core.media_types import INDEXES, MANIFESTS
from app.oci.descriptors import (
    Descriptor,
    annotations,
    descriptor,
    descriptors,
    media_type,
    require_data,
    require_spelling,
)
from app.oci.documents import parse_object
from app.oci.folding import MANIFEST
from app.oci.limits import MANIFEST_BYTES, MEDIA_TYPE_LENGTH

_SCHEMA_VERSION: Final = 2
_TYPE: Final = re.compile(r"[a-zA-Z0-9][\w!#$&^.+-]*/[a-zA-Z0-9][\w!#$&^.+-]*", re.ASCII)
_GENERIC: Final = frozenset(
    {"application/json", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"}
)
"""What says nothing of a document, so that clients guess what it is, each in its way."""
_LISTS: Final = ("layers", "blobs", "manifests")
_OF_MANIFESTS: Final = ("config", "layers", "fsLayers")


class Shape(StrEnum):
    """What a document is to the registry."""

    MANIFEST = "manifest"
    INDEX = "index"
    OPAQUE = "opaque"
    """Of a type that the registry does not know: it keeps what the document names, and requires none of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A valid manifest, index or other document; its bytes are kept elsewhere and never made again from this."""

    media_type: str
    shape: Shape
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    entries: tuple[Descriptor, ...] = ()
    """What an index lists: manifests, or blobs as in BuildKit's caches."""
    subject: Descriptor | None = None
    declared_type: str = ""
    """The field artifactType."""
    annotations: Mapping[str, str] | None = None

    @property
    def artifact_type(self) -> str:
        """Image-spec's artifact type: the field, else of a manifest its config's media type, else empty."""
        return self.declared_type or (self.config.media_type if self.config else "")

    @property
    def config_type(self) -> str:
        """The config's media type; of what has no config its own."""
        return self.config.media_type if self.config else self.media_type

    @property
    def named(self) -> tuple[Descriptor, ...]:
        """Everything that it refers to, as often as it does: config, layers, entries."""
        return (*((self.config,) if self.config else ()), *self.layers, *self.entries)

    @property
    def required(self) -> frozenset[Digest]:
        """What the repository must hold: all that is named, but no layer that need not be distributed."""
        if self.shape is Shape.OPAQUE:
            return frozenset()
        held = {descriptor.digest for descriptor in self.named if descriptor.distributable}
        return frozenset(held | ({self.config.digest} if self.config else set()))

    @property
    def optional(self) -> bool:
        """Whether it names what the repository need not hold, and may come to hold later."""
        return self.shape is Shape.OPAQUE or not all(descriptor.distributable for descriptor in self.named)


def parse_manifest(body: bytes, content_type: str | None) -> Manifest:
    """Parse what is pushed under ``content_type``; ManifestInvalid says what is wrong (distribution-spec, Push)."""
    if len(body) > MANIFEST_BYTES:
        raise ManifestInvalid(f"manifest is larger than {MANIFEST_BYTES} bytes")
    document = parse_object(body, MANIFEST)
    _refuse_confusion(document)
    kind = _media_type(document, content_type)
    if kind in INDEXES:
        return _index(document, kind)
    if kind in MANIFESTS:
        return _manifest(document, kind)
    return _opaque(document, kind)


def _media_type(document: dict[str, Any], content_type: str | None) -> str:
    sent = (content_type or "").partition(";")[0].strip()
    written = media_type(document.get("mediaType"), "mediaType")
    if sent and written and sent != written:
        raise ManifestInvalid(f"mediaType {written!r} differs from Content-Type {sent[:300]!r}")
    require_spelling(sent, "Content-Type")
    kind = sent or written
    if len(kind) <= MEDIA_TYPE_LENGTH and _TYPE.fullmatch(kind) and kind.lower() not in _GENERIC:
        return kind
    raise ManifestInvalid(f"{kind[:300]!r} is no media type for a manifest: send Content-Type")


def _refuse_confusion(document: dict[str, Any]) -> None:
    """CVE-2021-41190: what one client reads as an index and another as a manifest is neither."""
    if document.get("manifests") is not None:
        both = [name for name in _OF_MANIFESTS if document.get(name) is not None]
        if both:
            raise ManifestInvalid(f"a document with manifests must not have {' or '.join(both)}")


def _require_schema(document: dict[str, Any]) -> None:
    version = document.get("schemaVersion")
    if type(version) is not int or version != _SCHEMA_VERSION:
        raise ManifestInvalid(f"schemaVersion must be {_SCHEMA_VERSION}")


def _manifest(document: dict[str, Any], kind: str) -> Manifest:
    _require_schema(document)
    if document.get("manifests") is not None or document.get("fsLayers") is not None:
        raise ManifestInvalid(f"a document of type {kind} has config and layers, not manifests or fsLayers")
    return Manifest(
        media_type=kind,
        shape=Shape.MANIFEST,
        config=descriptor(document.get("config"), "config"),
        layers=descriptors(document.get("layers"), "layers"),
        **_common(document),
    )


def _index(document: dict[str, Any], kind: str) -> Manifest:
    _require_schema(document)
    if "manifests" not in document or any(document.get(name) is not None for name in _OF_MANIFESTS):
        raise ManifestInvalid(f"a document of type {kind} has manifests, not config, layers or fsLayers")
    entries = descriptors(document["manifests"], "manifests")
    return Manifest(media_type=kind, shape=Shape.INDEX, entries=entries, **_common(document))


def _common(document: dict[str, Any]) -> dict[str, Any]:
    subject = document.get("subject")
    return {
        "subject": None if subject is None else descriptor(subject, "subject"),
        "declared_type": media_type(document.get("artifactType"), "artifactType"),
        "annotations": annotations(document.get("annotations"), "annotations"),
    }


def _opaque(document: dict[str, Any], kind: str) -> Manifest:
    if "schemaVersion" in document:
        _require_schema(document)
    for name in ("config", "subject"):
        _require_data(document.get(name), name)
    for name in _LISTS:
        for position, entry in enumerate(_listed(document, name)):
            _require_data(entry, f"{name}[{position}]")
    named = [document.get("config")]
    named += [entry for name in _LISTS for entry in _listed(document, name)]
    found = tuple(each for each in map(_lenient, named) if each is not None)
    known = {name: value for name in ("subject", "artifactType", "annotations") if (value := _readable(document, name))}
    return Manifest(media_type=kind, shape=Shape.OPAQUE, entries=found, **_common(known))


def _listed(document: dict[str, Any], name: str) -> list[object]:
    value = document.get(name)
    return value if isinstance(value, list) else []


def _require_data(value: object, place: str) -> None:
    """As ``descriptor`` does it, whatever else can be read: some clients take any document for one that they know."""
    if isinstance(value, dict) and value.get("data") is not None:
        named = _digest_alone(value)
        if named is not None:
            require_data(value["data"], place, named.digest, named.size if value.get("size") == named.size else None)


def _lenient(value: object) -> Descriptor | None:
    """The descriptor as far as it can be read: other readers may follow a digest whatever stands beside it."""
    try:
        return descriptor(value, "")
    except ManifestInvalid:
        return _digest_alone(value) if isinstance(value, dict) else None


def _digest_alone(value: dict[str, Any]) -> Descriptor | None:
    known = {"digest": value.get("digest"), "size": 0}
    for name in ("mediaType", "size", "artifactType", "annotations"):
        with suppress(ManifestInvalid):
            descriptor(known | {name: value.get(name)}, "")
            known[name] = value.get(name)
    try:
        return descriptor(known, "")
    except ManifestInvalid:
        return None


def _readable(document: dict[str, Any], name: str) -> object:
    try:
        _common({name: document.get(name)})
    except ManifestInvalid:
        return None
    return document.get(name)
