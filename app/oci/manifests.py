"""Parsing of manifests and indexes (image-spec manifest.md, image-index.md; Docker's schema 2) and of other types."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
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
    embedded,
    media_type,
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
"""Media types that do not identify a document: clients guess its type, and not all alike."""
_LISTS: Final = ("layers", "blobs", "manifests")
_OF_MANIFESTS: Final = ("config", "layers", "fsLayers")


class Shape(StrEnum):
    """How the registry treats a document."""

    MANIFEST = "manifest"
    INDEX = "index"
    OPAQUE = "opaque"
    """A document of an unknown type: the registry keeps the content that it names, but does not require it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A valid manifest, index or other document; its bytes are stored elsewhere and never serialised from this."""

    media_type: str
    shape: Shape
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    entries: tuple[Descriptor, ...] = ()
    """The entries of an index: manifests, or blobs as in BuildKit's caches."""
    subject: Descriptor | None = None
    declared_type: str = ""
    """The field artifactType."""
    annotations: Mapping[str, str] | None = None

    @property
    def artifact_type(self) -> str:
        """Return image-spec's artifact type: the field artifactType, else the config's media type, else empty."""
        return self.declared_type or (self.config.media_type if self.config else "")

    @property
    def config_type(self) -> str:
        """Return the config's media type; without a config, the manifest's own."""
        return self.config.media_type if self.config else self.media_type

    @property
    def named(self) -> tuple[Descriptor, ...]:
        """Return all descriptors, repeated ones too: config, layers, entries."""
        return (*((self.config,) if self.config else ()), *self.layers, *self.entries)

    @property
    def required(self) -> frozenset[Digest]:
        """Return the digests that the repository must hold: all but those of non-distributable layers."""
        if self.shape is Shape.OPAQUE:
            return frozenset()
        distributable = {descriptor.digest for descriptor in self.named if descriptor.distributable}
        return frozenset(distributable | ({self.config.digest} if self.config else set()))

    @property
    def optional(self) -> bool:
        """Tell whether it names content that the repository need not hold, and may hold later."""
        return self.shape is Shape.OPAQUE or not all(descriptor.distributable for descriptor in self.named)


def parse_manifest(body: bytes, content_type: str | None) -> Manifest:
    """Parse a document pushed with ``content_type``; raise ManifestInvalid that says what is wrong.

    See distribution-spec, Pushing Manifests.
    """
    if len(body) > MANIFEST_BYTES:
        raise ManifestInvalid(f"manifest is larger than {MANIFEST_BYTES} bytes")
    document = parse_object(body, MANIFEST)
    if document.get("fsLayers") is not None:
        raise ManifestInvalid("fsLayers belong to Docker's schema 1, which is not supported")
    _require_unambiguous(document)
    kind = _media_type(document, content_type)
    if kind in INDEXES:
        return _index(document, kind)
    if kind in MANIFESTS:
        return _manifest(document, kind)
    return _opaque(document, kind)


def _media_type(document: dict[str, Any], content_type: str | None) -> str:
    header = (content_type or "").partition(";")[0].strip()
    declared = media_type(document.get("mediaType"), "mediaType")
    if header and declared and header != declared:
        raise ManifestInvalid(f"mediaType {declared!r} differs from Content-Type {header[:300]!r}")
    require_spelling(header, "Content-Type")
    kind = header or declared
    if len(kind) <= MEDIA_TYPE_LENGTH and _TYPE.fullmatch(kind) and kind.lower() not in _GENERIC:
        return kind
    raise ManifestInvalid(f"{kind[:300]!r} is no media type for a manifest: send Content-Type")


def _require_unambiguous(document: dict[str, Any]) -> None:
    """Raise ManifestInvalid when some clients read an index where others read a manifest (CVE-2021-41190)."""
    if document.get("manifests") is not None:
        names = [name for name in _OF_MANIFESTS if document.get(name) is not None]
        if names:
            raise ManifestInvalid(f"a document with manifests must not have {' or '.join(names)}")


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
        _require_alike(document.get(name), name)
    for name in _LISTS:
        for position, entry in enumerate(_list(document, name)):
            _require_alike(entry, f"{name}[{position}]")
    values = [document.get("config")]
    values += [entry for name in _LISTS for entry in _list(document, name)]
    entries = tuple(entry for entry in map(_lenient_or_none, values) if entry is not None)
    known = {name: value for name in ("artifactType", "annotations") if (value := _readable(document, name))}
    common = _common(known) | {"subject": _lenient_or_none(document.get("subject"))}
    return Manifest(media_type=kind, shape=Shape.OPAQUE, entries=entries, **common)


def _list(document: dict[str, Any], name: str) -> list[object]:
    value = document.get(name)
    return value if isinstance(value, list) else []


def _require_alike(value: object, place: str) -> None:
    """Verify media type and embedded content as ``descriptor`` does: some clients read any document as a known type."""
    if not isinstance(value, dict):
        return
    if isinstance(value.get("mediaType"), str):
        require_spelling(value["mediaType"], f"{place}.mediaType")
    entry = _valid_fields_or_none(value)
    if entry is not None:
        _embedded_or_none(value, place, entry)


def _embedded_or_none(value: dict[str, Any], place: str, entry: Descriptor) -> bytes | None:
    if value.get("data") is None:
        return None
    return embedded(value["data"], place, entry.digest, entry.size if value.get("size") == entry.size else None)


def _lenient_or_none(value: object) -> Descriptor | None:
    """Return the descriptor with its valid fields; None without a valid digest. Some clients need no more than that."""
    try:
        return descriptor(value, "")
    except ManifestInvalid:
        entry = _valid_fields_or_none(value) if isinstance(value, dict) else None
    if entry is None or not isinstance(value, dict):
        return None
    return replace(entry, embedded=_embedded_or_none(value, "", entry))


def _valid_fields_or_none(value: dict[str, Any]) -> Descriptor | None:
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
