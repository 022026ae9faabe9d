"""The icons of artifacts and accessories: one drawing for each type, named by the digest of its bytes."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from app.core.digest import Digest
from app.oci.artifact_types import AccessoryKind, ArtifactKind

_OTHER: Final = "default"
_DRAWINGS: Final[Mapping[str, str]] = {
    ArtifactKind.IMAGE: "image",
    ArtifactKind.CHART: "chart",
    ArtifactKind.CNAB: "cnab",
    ArtifactKind.WASM: "wasm",
    ArtifactKind.CNAI: "cnai",
    ArtifactKind.SBOM: "sbom",
    AccessoryKind.COSIGN: "signature",
    AccessoryKind.NOTATION: "signature",
    AccessoryKind.NYDUS: "accelerator",
    AccessoryKind.SBOM: "sbom",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Icon:
    """A drawing."""

    content_type: str
    content: str
    """In base64."""


@cache
def icon_digest(kind: str) -> str:
    """Return the digest of the icon of Harbor's artifact or accessory type ``kind``."""
    return _drawn(_DRAWINGS.get(kind, _OTHER))[0]


def icon_or_none(digest: str) -> Icon | None:
    """Return the icon with this digest; None without one."""
    return _by_digest().get(digest)


@cache
def _by_digest() -> Mapping[str, Icon]:
    return dict(_drawn(drawing) for drawing in (*_DRAWINGS.values(), _OTHER))


@cache
def _drawn(drawing: str) -> tuple[str, Icon]:
    content = files(__package__).joinpath(f"{drawing}.svg").read_bytes()
    icon = Icon(content_type="image/svg+xml", content=base64.b64encode(content).decode())
    return Digest.of(content, "sha256"), icon
