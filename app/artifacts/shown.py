"""What callers are shown of repositories, artifacts, tags and accessories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryView:
    """A repository."""

    id: int
    project_id: int
    name: str
    """Full name, with the project."""
    description: str
    artifact_count: int
    pull_count: int
    creation_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TagView:
    """A name of an artifact."""

    id: int
    repository_id: int
    artifact_id: int
    name: str
    push_time: datetime
    pull_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceView:
    """An entry of an index."""

    parent_id: int
    child_id: int
    child_digest: str
    platform: Mapping[str, Any] | None
    annotations: Mapping[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessoryView:
    """An artifact that says something about another."""

    id: int
    artifact_id: int
    subject_artifact_id: int
    subject_artifact_digest: str
    subject_artifact_repo: str
    size: int
    digest: str
    kind: str
    creation_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactView:
    """An artifact with the details that were asked for; a detail that was not is None."""

    id: int
    kind: str
    media_type: str
    manifest_media_type: str
    artifact_type: str
    project_id: int
    repository_id: int
    repository_name: str
    digest: str
    size: int
    push_time: datetime
    pull_time: datetime | None
    extra_attrs: Mapping[str, Any] | None
    annotations: Mapping[str, str] | None
    references: Sequence[ReferenceView] | None
    tags: Sequence[TagView] | None
    accessories: Sequence[AccessoryView] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Which details of artifacts are wanted."""

    tags: bool = True
    accessories: bool = False
