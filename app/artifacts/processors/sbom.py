"""Software bills of materials that Harbor's scanners attach: one layer, which is the document."""

from typing import Any, ClassVar, Final

from app.artifacts.processors.processor import Addition, AdditionName, AdditionNames, AdditionUnknown, Processor
from app.artifacts.processors.stored_artifact import StoredArtifact
from app.oci.limits import SBOM_BYTES

_CONTENT_TYPE: Final = "application/vnd.goharbor.harbor.sbom.v1"


class SbomProcessor(Processor):
    """SBOMs; all of the config is shown of them."""

    additions: ClassVar[AdditionNames] = (AdditionName.SBOM,)

    def facts_or_none(self, artifact: StoredArtifact, read: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the whole config."""
        del read
        return artifact.config_facts_or_none()

    def addition(self, artifact: StoredArtifact, name: AdditionName) -> Addition:
        """Return the document."""
        del name
        return _document(artifact)


def sbom_addition(artifact: StoredArtifact) -> Addition:
    """Return the newest SBOM that was attached to an artifact; raise AdditionUnknown without one."""
    sbom = artifact.sbom_or_none()
    if sbom is None:
        raise AdditionUnknown(AdditionName.SBOM, "none was attached to it")
    return _document(sbom)


def _document(sbom: StoredArtifact) -> Addition:
    layers = sbom.manifest.layers
    content = sbom.blob_or_none(layers[0], SBOM_BYTES) if len(layers) == 1 else None
    if content is None:
        raise AdditionUnknown(AdditionName.SBOM, "the attached one cannot be read")
    return Addition(content=content, content_type=_CONTENT_TYPE)
