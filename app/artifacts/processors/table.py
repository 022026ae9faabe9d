"""Which processor knows an artifact; the one list of all processors."""

from typing import Any, Final

from app.artifacts.processors.chart import ChartProcessor
from app.artifacts.processors.cnab import CnabProcessor
from app.artifacts.processors.cnai import CnaiProcessor
from app.artifacts.processors.image import ImageProcessor
from app.artifacts.processors.index import IndexProcessor
from app.artifacts.processors.processor import Processor
from app.artifacts.processors.sbom import SbomProcessor
from app.artifacts.processors.stored_artifact import StoredArtifact
from app.artifacts.processors.unknown import UnknownProcessor
from app.artifacts.processors.wasm import WasmProcessor
from app.core.media_types import INDEXES
from app.oci.artifact_types import ArtifactKind, artifact_kind

_INDEX: Final = IndexProcessor()
_UNKNOWN: Final = UnknownProcessor()
_BY_KIND: Final[dict[str, Processor]] = {
    ArtifactKind.IMAGE: ImageProcessor(),
    ArtifactKind.CHART: ChartProcessor(),
    ArtifactKind.CNAB: CnabProcessor(),
    ArtifactKind.WASM: WasmProcessor(),
    ArtifactKind.CNAI: CnaiProcessor(),
    ArtifactKind.SBOM: SbomProcessor(),
}


def processor_of(kind: str, manifest_media_type: str) -> Processor:
    """Return the processor of an artifact of Harbor's type ``kind``."""
    if kind == ArtifactKind.IMAGE and manifest_media_type in INDEXES:
        return _INDEX
    return _BY_KIND.get(kind, _UNKNOWN)


def facts_of_push(artifact: StoredArtifact, read: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what lists show of a manifest that is pushed; ``read`` are the facts of an image's or a chart's config."""
    processor = processor_of(artifact_kind(artifact.manifest), artifact.manifest.media_type)
    return processor.facts_or_none(artifact, read)
