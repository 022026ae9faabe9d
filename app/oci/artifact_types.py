"""Harbor's artifact and accessory types, and how a manifest's type is determined."""

import re
from enum import StrEnum
from typing import Final

from app.core.media_types import (
    COSIGN_SIGNATURE,
    COSIGN_SIMPLE_SIGNING,
    HELM_CONFIG,
    IMAGE_CONFIGS,
    NOTATION_SIGNATURE,
    SIGSTORE_BUNDLE,
)
from app.oci.manifests import Manifest, Shape


class ArtifactKind(StrEnum):
    """The artifact types that Harbor names; other types come from the config's media type, in upper case."""

    IMAGE = "IMAGE"
    CHART = "CHART"
    CNAB = "CNAB"
    WASM = "WASM"
    CNAI = "CNAI"
    SBOM = "SBOM"
    UNKNOWN = "UNKNOWN"


class AccessoryKind(StrEnum):
    """Harbor's types of accessories."""

    COSIGN = "signature.cosign"
    NOTATION = "signature.notation"
    NYDUS = "accelerator.nydus"
    SBOM = "sbom.harbor"
    SUBJECT = "subject.accessory"


_HARBOR_SBOM: Final = "application/vnd.goharbor.harbor.sbom.v1"
_BY_TYPE: Final = {
    HELM_CONFIG: ArtifactKind.CHART,
    "application/vnd.cnab.manifest.v1": ArtifactKind.CNAB,
    "application/vnd.wasm.config.v1+json": ArtifactKind.WASM,
    "application/vnd.wasm.config.v0+json": ArtifactKind.WASM,
    "application/vnd.cncf.model.manifest.v1+json": ArtifactKind.CNAI,
    "application/vnd.cncf.model.config.v1+json": ArtifactKind.CNAI,
    "application/vnd.cnai.model.manifest.v1+json": ArtifactKind.CNAI,
    "application/vnd.cnai.model.config.v1+json": ArtifactKind.CNAI,
    _HARBOR_SBOM: ArtifactKind.SBOM,
}
_CNAB_ANNOTATION: Final = "org.opencontainers.artifactType"
_WASM_ANNOTATIONS: Final = frozenset({("module.wasm.image/variant", "compat"), ("run.oci.handler", "wasm")})
_CONVENTIONAL: Final = re.compile(r"application/vnd\.[^.]*\.(.{1,64})\.config\.[^.]*\+json")
"""Config types that name the artifact's type, as Harbor reads them: ``application/vnd.acme.rocket.config.v1+json``."""
_ACCESSORY_BY_TYPE: Final = {
    NOTATION_SIGNATURE: AccessoryKind.NOTATION,
    COSIGN_SIGNATURE: AccessoryKind.COSIGN,
    SIGSTORE_BUNDLE: AccessoryKind.COSIGN,
    COSIGN_SIMPLE_SIGNING: AccessoryKind.COSIGN,
    _HARBOR_SBOM: AccessoryKind.SBOM,
}
_NYDUS_LAYER_ANNOTATION: Final = "containerd.io/snapshot/nydus-bootstrap"


def artifact_kind(manifest: Manifest) -> str:
    """Return Harbor's artifact type, at most 64 characters."""
    annotations = manifest.annotations or {}
    types = (manifest.declared_type, manifest.config_type, annotations.get(_CNAB_ANNOTATION, ""))
    kind = next((_BY_TYPE[type_] for type_ in types if type_ in _BY_TYPE), None)
    if kind:
        return kind
    if manifest.shape is Shape.INDEX:
        return ArtifactKind.IMAGE
    if manifest.config_type in IMAGE_CONFIGS:
        is_module = not _WASM_ANNOTATIONS.isdisjoint(annotations.items())
        return ArtifactKind.WASM if is_module else ArtifactKind.IMAGE
    conventional = _CONVENTIONAL.fullmatch(manifest.config_type)
    return conventional[1].upper() if conventional else ArtifactKind.UNKNOWN


def names_a_type(config_type: str) -> bool:
    """Tell whether a config's media type names the type of its artifact."""
    return _CONVENTIONAL.fullmatch(config_type) is not None


def accessory_kind(manifest: Manifest) -> AccessoryKind:
    """Return Harbor's accessory type of a manifest that has a subject."""
    layers = manifest.layers
    types = (manifest.artifact_type, *(layer.media_type for layer in layers[:1]))
    kind = next((_ACCESSORY_BY_TYPE[type_] for type_ in types if type_ in _ACCESSORY_BY_TYPE), None)
    if kind:
        return kind
    nydus = any(_NYDUS_LAYER_ANNOTATION in (layer.annotations or {}) for layer in layers[-1:])
    return AccessoryKind.NYDUS if nydus else AccessoryKind.SUBJECT
