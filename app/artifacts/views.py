"""Views: what the management API shows of repositories and artifacts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.labels.results import LabelView


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
    labels: tuple[LabelView, ...] | None = None
    """None unless they were requested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagView:
    """A tag of an artifact."""

    id: int
    repository_id: int
    artifact_id: int
    name: str
    push_time: datetime
    pull_time: datetime | None
    immutable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceView:
    """An entry of an index."""

    parent_id: int
    child_id: int
    child_digest: str
    platform: dict[str, Any] | None
    annotations: dict[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessoryView:
    """An accessory of an artifact."""

    id: int
    artifact_id: int
    """The accessory's own artifact."""
    subject_artifact_id: int
    subject_artifact_digest: str
    subject_artifact_repo: str
    size: int
    digest: str
    kind: str
    """Harbor's accessory type."""
    creation_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactView:
    """An artifact with its tags, references, accessories and labels; parts that were not requested are empty."""

    id: int
    project_id: int
    repository_id: int
    repository_name: str
    digest: str
    kind: str
    """Harbor's artifact type."""
    manifest_media_type: str
    media_type: str
    artifact_type: str
    size: int
    annotations: dict[str, str] | None
    extra_attrs: dict[str, Any] | None
    push_time: datetime
    pull_time: datetime | None
    references: tuple[ReferenceView, ...] = ()
    tags: tuple[TagView, ...] = ()
    accessories: tuple[AccessoryView, ...] = ()
    inherited_accessories: tuple[AccessoryView, ...] | None = None
    """Those of the indexes that list the artifact; None without one, and unless they were requested."""
    labels: tuple[LabelView, ...] = ()
    slots: Mapping[str, object] = field(default_factory=dict)
    """What other features show of the artifact, by the name of the member in the API."""
