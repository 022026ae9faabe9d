"""The events of labels, and of their use on artifacts and repositories."""

from dataclasses import dataclass

from app.events.base import Event
from app.events.content import ContentEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelEvent(Event):
    """An event of a label; ``project_id`` is 0 for a global one."""

    resource_type = "label"

    project_id: int
    label_id: int
    name: str

    @property
    def resource(self) -> str:
        """The label's name."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCreated(LabelEvent):
    """A label was created."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelUpdated(LabelEvent):
    """A label was changed; ``name`` is its new name."""

    operation = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDeleted(LabelEvent):
    """A label was deleted, also from all artifacts and repositories that had it."""

    operation = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactLabelEvent(ContentEvent):
    """An event of a label on an artifact."""

    resource_type = "artifact-label"

    digest: str
    label: str
    """The label's name."""

    @property
    def resource(self) -> str:
        """The label, the repository and the digest."""
        return f"{self.label}: {self.repository}@{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactLabelAdded(ArtifactLabelEvent):
    """An artifact was given a label."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactLabelRemoved(ArtifactLabelEvent):
    """A label was taken from an artifact."""

    operation = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryLabelEvent(ContentEvent):
    """An event of a label on a repository."""

    resource_type = "repository-label"

    label: str
    """The label's name."""

    @property
    def resource(self) -> str:
        """The label and the repository."""
        return f"{self.label}: {self.repository}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryLabelAdded(RepositoryLabelEvent):
    """A repository was given a label."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryLabelRemoved(RepositoryLabelEvent):
    """A label was taken from a repository."""

    operation = "delete"
