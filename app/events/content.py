"""What happened to content: the facts that effects (audit, counters, webhooks) are set off by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.events.base import AuditLine, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentEvent(Event):
    """A fact about a repository of a project."""

    project_id: int
    repository: str
    """Full name, with the project."""

    @property
    def resource(self) -> str:
        """The repository's name."""
        return self.repository


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactPushed(ContentEvent):
    """A manifest was pushed; ``tags`` are those that this push set. Audited once per tag, else by the digest."""

    operation = "create"
    resource_type = "artifact"

    artifact_id: int
    digest: str
    media_type: str
    tags: tuple[str, ...] = ()
    created: bool = True
    """False when the repository held the digest already."""

    def audit_lines(self) -> Sequence[AuditLine]:
        """One per tag, or one with the digest."""
        names = [f"{self.repository}:{tag}" for tag in self.tags] or [f"{self.repository}@{self.digest}"]
        return [AuditLine(self.project_id, self.operator, name) for name in names]


class ArtifactPulled(NamedTuple):
    """A manifest was pulled; emitted with others as ContentPulled, after the fact. A tuple, as one is made per pull."""

    project_id: int
    repository: str
    """Full name, with the project."""
    artifact_id: int
    digest: str
    tag: str | None
    operator: str
    """Empty for an anonymous caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPulled(Event):
    """Pulls of the last moment, of any projects. The operator is the product, which only writes them down."""

    operation = "pull"
    resource_type = "artifact"

    pulls: tuple[ArtifactPulled, ...]

    def audit_lines(self) -> Sequence[AuditLine]:
        """One per pull in the puller's name."""
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
    """An artifact and the tags it had are gone."""

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
    """A fact about one tag of a repository."""

    digest: str
    tag: str

    @property
    def resource(self) -> str:
        """The repository and the tag."""
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagCreated(TagEvent):
    """A tag that the repository did not have names an artifact now; a tag that moves is none of these."""

    operation = "create"
    resource_type = "tag"

    pushed: bool
    """Whether it came with a push, which the audit log shows by the push alone, as Harbor does."""

    def audit_lines(self) -> Sequence[AuditLine]:
        """One when the tag was made by itself."""
        return () if self.pushed else super(TagCreated, self).audit_lines()


@dataclass(frozen=True, slots=True, kw_only=True)
class TagDeleted(TagEvent):
    """One tag is gone, its artifact stays."""

    operation = "delete"
    resource_type = "tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryDeleted(ContentEvent):
    """A repository with all that was in it is gone."""

    operation = "delete"
    resource_type = "repository"
