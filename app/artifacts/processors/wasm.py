"""WebAssembly modules: images with an annotation, or artifacts with a config of their own type."""

from typing import Any, ClassVar, Final

from app.artifacts.processors.image import ImageProcessor, build_history
from app.artifacts.processors.processor import Addition, AdditionName, AdditionNames, Processor
from app.artifacts.processors.stored_artifact import StoredArtifact
from app.core.media_types import IMAGE_CONFIGS

_TITLE: Final = "org.opencontainers.image.title"


class WasmProcessor(Processor):
    """Modules; of an image what images show, of others the media types and the file's name."""

    additions: ClassVar[AdditionNames] = (AdditionName.BUILD_HISTORY,)
    linked: ClassVar[AdditionNames] = additions

    def facts_or_none(self, artifact: StoredArtifact, read: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the facts by Harbor's names."""
        config_type = artifact.manifest.config_type
        facts: dict[str, Any] = {"manifest.config.mediaType": config_type}
        if config_type in IMAGE_CONFIGS:
            return facts | (ImageProcessor().facts_or_none(artifact, read) or {})
        if layers := artifact.manifest.layers:
            title = (layers[0].annotations or {}).get(_TITLE, "")
            facts |= {"manifest.layers.mediaType": layers[0].media_type, _TITLE: title.replace("\0", "")}
        return facts

    def addition(self, artifact: StoredArtifact, name: AdditionName) -> Addition:
        """Return the history in the config, which only images have."""
        del name
        return build_history(artifact)
