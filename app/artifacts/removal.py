"""Removal of rows: of all that a repository holds, or of some of its artifacts, with what keeps blobs."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import reachability
from app.artifacts.holdings import enter_queue, let_all_go, let_idle_go, lock_blobs
from app.artifacts.models import Artifact, ArtifactChild, Repository, Tag
from app.artifacts.repositories import RepositoryRef
from app.db.parts import parts


def remove_repository(session: Session, repository: RepositoryRef) -> int:
    """Delete the rows of the repository and of all its content, queue its blobs, and return the bytes freed.

    The caller must have locked the repository's row.
    """
    freed = _manifest_bytes(session, repository)
    blob_ids = lock_blobs(session, reachability.blobs_of_repository(repository.id))
    own = sa.select(Artifact.id).where(Artifact.repository_id == repository.id)
    execute(session, sa.delete(Tag).where(Tag.repository_id == repository.id))
    execute(session, sa.delete(ArtifactChild).where(ArtifactChild.parent_id.in_(own)))
    execute(session, sa.delete(Artifact).where(Artifact.repository_id == repository.id))
    enter_queue(session, repository=repository, blob_ids=blob_ids)
    let_all_go(session, repository.id)
    freed += release(session, repository, blob_ids)
    execute(session, sa.delete(Repository).where(Repository.id == repository.id))
    return freed


def remove_artifacts(session: Session, repository: RepositoryRef, artifact_ids: Sequence[int]) -> int:
    """Delete the rows of a hidden repository's artifacts, queue and let go their blobs, and return the bytes freed.

    The caller must have locked the repository's row.
    """
    freed = 0
    for part in parts(artifact_ids):
        sizes = sa.select(sa.func.sum(Artifact.manifest_size)).where(Artifact.id.in_(part))
        freed += int(session.execute(sizes).scalar_one() or 0)
        blob_ids = lock_blobs(session, reachability.blobs_of_artifacts(part))
        listed = sa.or_(ArtifactChild.parent_id.in_(part), ArtifactChild.child_id.in_(part))
        execute(session, sa.delete(Tag).where(Tag.artifact_id.in_(part)))
        execute(session, sa.delete(ArtifactChild).where(listed))
        execute(session, sa.delete(Artifact).where(Artifact.id.in_(part)))
        enter_queue(session, repository=repository, blob_ids=blob_ids)
        let_idle_go(session, repository.id, blob_ids)
        freed += release(session, repository, blob_ids)
    return freed


def _manifest_bytes(session: Session, repository: RepositoryRef) -> int:
    total = sa.select(sa.func.sum(Artifact.manifest_size)).where(Artifact.repository_id == repository.id)
    return int(session.execute(total).scalar_one() or 0)


def release(session: Session, repository: RepositoryRef, blob_ids: Sequence[int], *, even_if_held: bool = False) -> int:
    """Stop charging the project for blobs that it no longer needs; return their bytes."""
    project_id = repository.project_id
    released = reachability.release_charges(session, blob_ids, project_id=project_id, even_if_held=even_if_held)
    return released.get(project_id, 0)


def execute(session: Session, statement: sa.Executable) -> None:
    """Run a DELETE or UPDATE without looking for its rows among loaded objects."""
    session.execute(statement, execution_options={"synchronize_session": False})
