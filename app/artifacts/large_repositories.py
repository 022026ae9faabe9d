"""Deletion of a large repository: hidden at once under a name that nobody can ask for, then deleted in batches.

Its name is free for new content from that moment on, which a new repository holds.
"""

from dataclasses import dataclass
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import reachability
from app.artifacts.hidden import IS_HIDDEN, hidden_name
from app.artifacts.models import Artifact, Repository, Standing, TagRecord
from app.artifacts.removal import remove_artifacts, remove_repository
from app.artifacts.repositories import RepositoryRef, lock_repository_or_none
from app.artifacts.subjects import RepositoryDeletion
from app.artifacts.tag_history import forget_tags
from app.context import Context
from app.db.database import retried
from app.events.content import RepositoryDeleted
from app.projects.quotas import count_content

MOST_AT_ONCE: Final = 1000
"""The most artifacts of a repository that is deleted within a request."""
_MOST_ROWS: Final = 5 * MOST_AT_ONCE
BATCH: Final = 200
"""The artifacts of one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenRepository:
    """A repository that was deleted and still has rows."""

    id: int
    project_id: int


def is_large(session: Session, repository_id: int) -> bool:
    """Tell whether the repository has more artifacts, blobs or history of tags than a request may delete."""
    artifacts = sa.select(Artifact.id).where(Artifact.repository_id == repository_id).limit(MOST_AT_ONCE + 1)
    blobs = reachability.blobs_of_repository(repository_id).limit(_MOST_ROWS + 1)
    changes = sa.select(TagRecord.id).where(TagRecord.repository_id == repository_id).limit(_MOST_ROWS + 1)
    many = (_counted(session, rows) > _MOST_ROWS for rows in (blobs, changes))
    return _counted(session, artifacts) > MOST_AT_ONCE or any(many)


def hide_repository(ctx: Context, repository: RepositoryRef) -> None:
    """Take the repository out of sight and free its name, as a deletion does; ``sweep_batch`` deletes its content.

    The caller must have locked the repository's row.
    """
    with ctx.write() as session:
        ctx.admit(RepositoryDeletion(project_id=repository.project_id, repository=repository.name))
        hidden = {"at_id": repository.id, "hidden": hidden_name(repository.id)}
        session.connection().execute(_HIDE, hidden)
        session.connection().execute(_UNLIST, {"at_repository": repository.id})
        ctx.emit(RepositoryDeleted(project_id=repository.project_id, repository=repository.name))
        session.flush()
        count_content(ctx, repository.project_id, repositories=-1)


@retried()
def sweep_batch(ctx: Context, repository_id: int) -> bool:
    """Delete the next artifacts of a hidden repository in one transaction, at last its tags' history and itself.

    Return False once the repository is gone. Raise ReadOnly or UnavailableError from the write gate.
    """
    with ctx.write_content() as session:
        repository = lock_repository_or_none(session, hidden_name(repository_id), to_delete=True)
        if repository is None:
            return False
        artifact_ids = session.execute(_NEXT, {"repository": repository.id}).scalars().all()
        freed = remove_artifacts(session, repository, artifact_ids)
        more = len(artifact_ids) == BATCH or forget_tags(session, repository.id) > 0
        if not more:
            freed += remove_repository(session, repository)
        count_content(ctx, repository.project_id, stored=-freed)
        return more


def artifacts_left(ctx: Context, repository_id: int) -> int:
    """Return the number of artifacts that the repository has."""
    return int(ctx.rows(_LEFT, {"repository": repository_id})[0][0])


def hidden_repositories(ctx: Context) -> list[HiddenRepository]:
    """Return the hidden repositories."""
    return [HiddenRepository(id=row.id, project_id=row.project_id) for row in ctx.rows(_ALL_HIDDEN, {})]


def _counted(session: Session, ids: sa.Select[int]) -> int:
    return session.execute(sa.select(sa.func.count()).select_from(ids.subquery())).scalar_one()


_TABLE: Final = cast("sa.Table", Repository.__table__)
_HIDE: Final = (
    sa.update(_TABLE)
    .where(_TABLE.c.id == sa.bindparam("at_id"))
    .values(name=sa.bindparam("hidden"), published=sa.false(), artifact_count=0)
)
_ARTIFACTS: Final = cast("sa.Table", Artifact.__table__)
_UNLIST: Final = (
    sa.update(_ARTIFACTS)
    .where(_ARTIFACTS.c.repository_id == sa.bindparam("at_repository"), _ARTIFACTS.c.standing != Standing.ACCESSORY)
    .values(standing=Standing.ACCESSORY)
)
"""No list shows accessories by themselves, so that those of projects need no condition on the repository."""
_OWN: Final = Artifact.repository_id == sa.bindparam("repository")
_NEXT: Final = sa.select(Artifact.id).where(_OWN).order_by(Artifact.id.desc()).limit(BATCH)
_LEFT: Final = sa.select(sa.func.count()).select_from(Artifact).where(_OWN)
_ALL_HIDDEN: Final = sa.select(Repository.id, Repository.project_id).where(IS_HIDDEN).order_by(Repository.id)
