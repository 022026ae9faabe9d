"""What the registry knows of a type of artifacts: the facts that lists show, and what else can be asked for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final

import orjson

from app.artifacts.processors.stored_artifact import StoredArtifact
from app.core.errors import NotFoundError

JSON: Final = "application/json; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
MARKDOWN: Final = "text/markdown; charset=utf-8"


class AdditionName(StrEnum):
    """What can be asked for of an artifact, by Harbor's names."""

    BUILD_HISTORY = "build_history"
    VALUES = "values.yaml"
    README = "readme.md"
    DEPENDENCIES = "dependencies"
    SBOM = "sbom"
    LICENSE = "license"
    FILES = "files"


AdditionNames = tuple[AdditionName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """An addition as it is answered."""

    content: bytes
    content_type: str


class AdditionUnknown(NotFoundError):
    """The artifact has no such addition, or none that can be read."""

    def __init__(self, name: AdditionName, why: str) -> None:
        """Name the addition and say why there is none: ``AdditionUnknown(README, "the chart holds none")``."""
        super().__init__(f"there is no {name} of this artifact: {why}")


class Processor:
    """The type of artifacts without facts and additions; the base of the others."""

    additions: ClassVar[AdditionNames] = ()
    """What can be asked for of artifacts of this type."""
    linked: ClassVar[AdditionNames] = ()
    """Those of them that each artifact of the type has, so that lists link to them."""

    def facts_or_none(self, artifact: StoredArtifact, read: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return what lists show as ``extra_attrs``; ``read`` are the facts of an image's or a chart's config.

        Called when a manifest is pushed, before its transaction. Content that cannot be read has no facts.
        """
        del artifact
        return read

    def addition(self, artifact: StoredArtifact, name: AdditionName) -> Addition:
        """Return one of ``additions``. Raise AdditionUnknown; TooLarge for one that is too large to be shown."""
        raise AdditionUnknown(name, f"{artifact.digest} is of another type")


def json_addition(value: object) -> Addition:
    """Return a JSON value as an addition."""
    return Addition(content=orjson.dumps(value), content_type=JSON)
