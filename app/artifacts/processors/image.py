"""Container images (image-spec config.md)."""

from typing import Any, ClassVar, Final

from app.artifacts.processors.processor import (
    Addition,
    AdditionName,
    AdditionNames,
    AdditionUnknown,
    Processor,
    json_addition,
)
from app.artifacts.processors.sbom import sbom_addition
from app.artifacts.processors.stored_artifact import StoredArtifact

_ALWAYS: Final[dict[str, Any]] = {"architecture": "", "author": "", "config": {}, "created": None, "os": ""}
_AUTHORS: Final = ("org.opencontainers.image.authors", "maintainer")
"""Labels that name the author of an image whose config does not."""
_STEP: Final = ("created", "created_by", "author", "comment")


class ImageProcessor(Processor):
    """Images for one platform."""

    additions: ClassVar[AdditionNames] = (AdditionName.BUILD_HISTORY, AdditionName.SBOM)
    linked: ClassVar[AdditionNames] = (AdditionName.BUILD_HISTORY,)

    def facts_or_none(self, artifact: StoredArtifact, read: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return platform, author, time and how to start a container; the author may stand in a label."""
        del artifact
        if read is None:
            return None
        facts = _ALWAYS | read
        return facts if facts["author"] else facts | {"author": _labelled_author(facts["config"])}

    def addition(self, artifact: StoredArtifact, name: AdditionName) -> Addition:
        """Return the steps that built the image, oldest first, or its SBOM."""
        return sbom_addition(artifact) if name is AdditionName.SBOM else build_history(artifact)


def build_history(artifact: StoredArtifact) -> Addition:
    """Return the history in an artifact's config; raise AdditionUnknown when the config cannot be read."""
    config = artifact.config_or_none()
    if config is None:
        raise AdditionUnknown(AdditionName.BUILD_HISTORY, "its config cannot be read")
    history = config.get("history")
    return json_addition(
        [_step(step) for step in history if isinstance(step, dict)] if isinstance(history, list) else []
    )


def _step(step: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {key: value for key in _STEP if isinstance(value := step.get(key), str) and value}
    return shown | ({"empty_layer": True} if step.get("empty_layer") is True else {})


def _labelled_author(config: object) -> str:
    labels = config.get("Labels") if isinstance(config, dict) else None
    if not isinstance(labels, dict):
        return ""
    return next((author for label in _AUTHORS if isinstance(author := labels.get(label), str) and author), "")
