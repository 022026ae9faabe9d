"""The results of the services of artifacts."""

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
    """How long in ms the claim of the last push still lasts; negative when it has ended."""
