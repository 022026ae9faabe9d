"""What happened to content: the facts that effects (audit, counters, webhooks) are set off by."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentEvent:
    """A fact about a repository of a project."""

    project_id: int
    repository: str
    """Full name, with the project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactPushed(ContentEvent):
    """A manifest was pushed; ``tags`` are those that this push set."""

    artifact_id: int
    digest: str
    media_type: str
    tags: tuple[str, ...] = ()
    created: bool = True
    """False when the repository held the digest already."""


class ArtifactPulled(NamedTuple):
    """A manifest was pulled; emitted with others as ContentPulled, after the fact. A tuple, as one is made per pull."""

    project_id: int
    repository: str
    """Full name, with the project."""
    artifact_id: int
    digest: str
    tag: str | None
    operator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPulled:
    """Pulls of the last moment, of any projects."""

    pulls: tuple[ArtifactPulled, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactDeleted(ContentEvent):
    """An artifact and the tags it had are gone."""

    artifact_id: int
    digest: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TagDeleted(ContentEvent):
    """One tag is gone, its artifact stays."""

    digest: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryDeleted(ContentEvent):
    """A repository with all that was in it is gone."""
