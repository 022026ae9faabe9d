"""The use cases of labels on artifacts and repositories."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.label_rows import ARTIFACTS, REPOSITORIES, add_label, labels_of, remove_label
from app.artifacts.models import Artifact
from app.artifacts.repositories import find_published
from app.artifacts.service import find_artifact
from app.artifacts.shares import WHOLE
from app.context import Context
from app.db.database import retried
from app.events.labels import (
    ArtifactLabelAdded,
    ArtifactLabelRemoved,
    RepositoryLabelAdded,
    RepositoryLabelRemoved,
)
from app.labels.results import LabelView
from app.labels.rows import require_label, require_usable
from app.projects.rights import require_in_project


class ArtifactLabelService:
    """The use cases of an artifact's labels; a reference is a tag or a digest.

    All raise as ``rights.require_in_project`` does, RepositoryUnknown and ManifestUnknown, and NotFoundError for a
    label that does not exist.
    """

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    @retried()
    def add(self, project: str, repository: str, reference: str, label_id: int) -> None:
        """Give the artifact a global label or one of its project.

        Raises ConflictError when it has the label already, LimitError when it has too many.
        """
        place = require_in_project(self._ctx, project, "artifact-label", "create")
        name = f"{project}/{repository}"
        with self._ctx.write() as session:
            label = require_usable(session, label_id, place.id)
            artifact_id = find_artifact(session, name, reference)
            add_label(session, ARTIFACTS, artifact_id, label)
            added = ArtifactLabelAdded(
                project_id=place.id, repository=name, digest=_digest(session, artifact_id), label=label.name
            )
            self._ctx.emit(added)

    @retried()
    def remove(self, project: str, repository: str, reference: str, label_id: int) -> None:
        """Take the label from the artifact; raise NotFoundError when it does not have it."""
        place = require_in_project(self._ctx, project, "artifact-label", "delete")
        name = f"{project}/{repository}"
        with self._ctx.write() as session:
            artifact_id = find_artifact(session, name, reference)
            remove_label(session, ARTIFACTS, artifact_id, label_id)
            label = require_label(session, label_id)
            removed = ArtifactLabelRemoved(
                project_id=place.id, repository=name, digest=_digest(session, artifact_id), label=label.name
            )
            self._ctx.emit(removed)


class RepositoryLabelService:
    """The use cases of a repository's labels.

    All raise as ``rights.require_in_project`` does, RepositoryUnknown, and NotFoundError for a label that does not
    exist.
    """

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def list(self, project: str, repository: str) -> Sequence[LabelView]:
        """Return all labels of the repository."""
        require_in_project(self._ctx, project, "repository", "read")
        repository_id = find_published(self._ctx, f"{project}/{repository}")
        with self._ctx.read() as session:
            return labels_of(session, REPOSITORIES, [repository_id], WHOLE).get(repository_id, ())

    @retried()
    def add(self, project: str, repository: str, label_id: int) -> None:
        """Give the repository a global label or one of its project.

        Raises ConflictError when it has the label already, LimitError when it has too many.
        """
        place = require_in_project(self._ctx, project, "artifact-label", "create")
        name = f"{project}/{repository}"
        repository_id = find_published(self._ctx, name)
        with self._ctx.write() as session:
            label = require_usable(session, label_id, place.id)
            add_label(session, REPOSITORIES, repository_id, label)
            self._ctx.emit(RepositoryLabelAdded(project_id=place.id, repository=name, label=label.name))

    @retried()
    def remove(self, project: str, repository: str, label_id: int) -> None:
        """Take the label from the repository; raise NotFoundError when it does not have it."""
        place = require_in_project(self._ctx, project, "artifact-label", "delete")
        name = f"{project}/{repository}"
        repository_id = find_published(self._ctx, name)
        with self._ctx.write() as session:
            remove_label(session, REPOSITORIES, repository_id, label_id)
            label = require_label(session, label_id)
            self._ctx.emit(RepositoryLabelRemoved(project_id=place.id, repository=name, label=label.name))


def _digest(session: Session, artifact_id: int) -> str:
    return str(session.execute(_DIGEST, {"artifact": artifact_id}).scalar_one())


_DIGEST = sa.select(Artifact.digest).where(Artifact.id == sa.bindparam("artifact"))
