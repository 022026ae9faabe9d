"""What a search finds."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.artifacts.matching import FoundArtifact, FoundChart, FoundRepository
from app.projects.results import ProjectView


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The projects and repositories whose names hold a text, and with extensions charts and artifacts."""

    project: Sequence[ProjectView]
    repository: Sequence[FoundRepository]
    chart: Sequence[FoundChart] = ()
    artifact: Sequence[FoundArtifact] = ()
