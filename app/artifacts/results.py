"""What the services of artifacts return."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableBlob:
    """A live blob that a repository holds."""

    id: int
    project_id: int
    """The repository's project."""
    key: str
    size: int
    claim_ms: int
    """How long the last pusher's claim still lasts; negative when it has run out."""
