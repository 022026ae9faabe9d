"""Images for several platforms: an index, whose entries lists show with their platforms."""

from typing import ClassVar

from app.artifacts.processors.processor import Addition, AdditionName, AdditionNames, Processor
from app.artifacts.processors.sbom import sbom_addition
from app.artifacts.processors.stored_artifact import StoredArtifact


class IndexProcessor(Processor):
    """Indexes; the history of a build is that of one of their images."""

    additions: ClassVar[AdditionNames] = (AdditionName.SBOM,)

    def addition(self, artifact: StoredArtifact, name: AdditionName) -> Addition:
        """Return the SBOM that was attached to the index."""
        del name
        return sbom_addition(artifact)
