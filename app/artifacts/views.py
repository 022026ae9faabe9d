"""Views: what the management API shows of repositories and artifacts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from app.artifacts.icons.drawings import icon_digest
from app.artifacts.processors.table import processor_of
from app.labels.results import LabelView
from app.oci.attestations import attested_or_none

_PLACE: Final = "/api/v2.0/projects"


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

    @property
    def attests(self) -> str | None:
        """Return the digest of the image that the entry is an attestation of; None for other entries."""
        return attested_or_none(self.platform, self.annotations)


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

    @property
    def icon(self) -> str:
        """Return the digest of the icon of its type."""
        return icon_digest(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionLink:
    """Where an addition is."""

    href: str
    absolute: bool = False


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

    @property
    def icon(self) -> str:
        """Return the digest of the icon of its type."""
        return icon_digest(self.kind)

    @property
    def addition_links(self) -> dict[str, AdditionLink]:
        """Return where its additions are; as in all of Harbor's paths, slashes of the name are encoded twice."""
        linked = processor_of(self.kind, self.manifest_media_type).linked
        if not linked:
            return {}
        project, _, name = self.repository_name.partition("/")
        repository = quote(quote(name, safe=""), safe="")
        place = f"{_PLACE}/{project}/repositories/{repository}/artifacts/{self.digest}/additions"
        return {addition: AdditionLink(href=f"{place}/{addition}") for addition in linked}
