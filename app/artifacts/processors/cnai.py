"""AI models (CNCF model-spec): the config describes the model, layers hold its files."""

from typing import Any, ClassVar, Final

from app.artifacts.processors.processor import (
    MARKDOWN,
    PLAIN,
    Addition,
    AdditionName,
    AdditionNames,
    AdditionUnknown,
    Processor,
    json_addition,
)
from app.artifacts.processors.stored_artifact import StoredArtifact
from app.oci.limits import MODEL_FILE_BYTES
from app.oci.model_files import document_content, document_or_none, model_tree
from app.oci.unpacking import ArchiveRefused

_PATHS: Final = {
    AdditionName.README: frozenset({"README", "README.md"}),
    AdditionName.LICENSE: frozenset({"LICENSE", "LICENSE.txt"}),
}
_CONTENT_TYPES: Final = {AdditionName.README: MARKDOWN, AdditionName.LICENSE: PLAIN}


class CnaiProcessor(Processor):
    """Models; all of the config is shown of them."""

    additions: ClassVar[AdditionNames] = (AdditionName.README, AdditionName.LICENSE, AdditionName.FILES)
    linked: ClassVar[AdditionNames] = additions

    def facts_or_none(self, artifact: StoredArtifact, read: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the whole config."""
        del read
        return artifact.config_facts_or_none()

    def addition(self, artifact: StoredArtifact, name: AdditionName) -> Addition:
        """Return the tree of files, or the file in the layer whose path is that of a readme or licence."""
        layers = artifact.manifest.layers
        if name is AdditionName.FILES:
            return json_addition(model_tree(layers))
        layer = document_or_none(layers, _PATHS[name])
        if layer is None:
            raise AdditionUnknown(name, "the model holds none")
        content = artifact.blob_or_none(layer, MODEL_FILE_BYTES)
        if content is None:
            raise AdditionUnknown(name, "its layer cannot be read")
        try:
            return Addition(content=document_content(layer, content), content_type=_CONTENT_TYPES[name])
        except ArchiveRefused as error:
            raise AdditionUnknown(name, f"its layer {error}") from None
