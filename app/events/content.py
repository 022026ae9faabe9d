"""The events of content, which effects (audit, counters, webhooks) handle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.events.base import AuditLine, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentEvent(Event):
    """An event of a repository of a project."""

    project_id: int
    repository: str
    """The full name, with the project."""

    @property
    def resource(self) -> str:
        """The repository's name."""
        return self.repository


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactPushed(ContentEvent):
    """A manifest was pushed; ``tags`` are those that the push set. Audited once per tag, else once by digest."""

    operation = "create"
    resource_type = "artifact"

    artifact_id: int
    digest: str
    media_type: str
    tags: tuple[str, ...] = ()
    created: bool = True
    """False when the repository held the digest already."""

    def audit_lines(self) -> Sequence[AuditLine]:
        """Return a row per tag, or one with the digest."""
        names = [f"{self.repository}:{tag}" for tag in self.tags] or [f"{self.repository}@{self.digest}"]
        return [AuditLine(self.project_id, self.operator, name) for name in names]


class ArtifactPulled(NamedTuple):
    """A manifest was pulled; emitted later, with others, in ContentPulled. A tuple, as one is created per pull."""

    project_id: int
    repository: str
    """The full name, with the project."""
    artifact_id: int
    digest: str
    tag: str | None
    operator: str
    """Empty for an anonymous caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPulled(Event):
    """A batch of pulls from any projects. The operator is the product, which records them."""

    operation = "pull"
    resource_type = "artifact"

    pulls: tuple[ArtifactPulled, ...]

    def audit_lines(self) -> Sequence[AuditLine]:
        """Return a row per pull with its own operator."""
        return [
            AuditLine(
                pull.project_id,
                pull.operator,
                f"{pull.repository}@{pull.digest}" if pull.tag is None else f"{pull.repository}:{pull.tag}",
            )
            for pull in self.pulls
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactDeleted(ContentEvent):
    """An artifact and its tags were deleted."""

    operation = "delete"
    resource_type = "artifact"

    artifact_id: int
    digest: str
    tags: tuple[str, ...] = ()

    @property
    def resource(self) -> str:
        """The repository and the digest."""
        return f"{self.repository}@{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagEvent(ContentEvent):
    """An event of a tag of a repository."""

    digest: str
    tag: str

    @property
    def resource(self) -> str:
        """The repository and the tag."""
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagCreated(TagEvent):
    """A tag that the repository did not have was created; moving a tag is no such event."""

    operation = "create"
    resource_type = "tag"

    pushed: bool
    """Whether a push created it; the audit log then shows only the push, as Harbor does."""

    def audit_lines(self) -> Sequence[AuditLine]:
        """Return a row unless a push created the tag."""
        return () if self.pushed else super(TagCreated, self).audit_lines()


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRestored(TagEvent):
    """A tag was moved back to a digest that it pointed at before; of a tag that was deleted there is TagCreated."""

    operation = "update"
    resource_type = "tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagDeleted(TagEvent):
    """A tag was deleted, not its artifact."""

    operation = "delete"
    resource_type = "tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryDeleted(ContentEvent):
    """A repository was deleted with its content."""

    operation = "delete"
    resource_type = "repository"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryUpdated(ContentEvent):
    """The description of a repository was changed."""

    operation = "update"
    resource_type = "repository"
