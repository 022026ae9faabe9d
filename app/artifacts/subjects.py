"""What admission checks are asked about: one frozen class per verb."""

from dataclasses import dataclass

from app.oci.manifests import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A manifest is about to enter a repository; asked inside the writing transaction, before any row changes."""

    project_id: int
    repository: str
    """Full name, with the project."""
    digest: str
    tags: tuple[str, ...]
    """The tags that the push would set or move."""
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A manifest is about to be read; asked on the hot path, so a check must not query what the lookup can carry."""

    project_id: int
    repository: str
    digest: str
    artifact_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """Artifacts, or only tags when ``digests`` is empty, are about to go; asked inside the writing transaction.

    A dry run asks outside of it, so a check reads by ``Context.read`` or ``Context.rows``.
    """

    project_id: int
    repository: str
    digests: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryDeletion:
    """A repository with all that is in it is about to go; asked inside the writing transaction."""

    project_id: int
    repository: str
