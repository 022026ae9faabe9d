"""Deletion of untagged artifacts, one group at a time, in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import reachability
from app.artifacts.deletion import delete_artifacts, require_deletable
from app.artifacts.holdings import age_queue
from app.artifacts.models import Artifact, Repository, Tag
from app.artifacts.repositories import RepositoryRef, lock_repository_or_none
from app.artifacts.untagged_groups import Group, leads
from app.context import Context
from app.db.parts import parts

_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedGroup:
    """The number of deleted manifests and their bytes."""

    manifests: int
    bytes: int


def repositories_with_untagged(ctx: Context, before: datetime, cursor: int) -> Sequence[RepositoryRef]:
    """Return up to 100 repositories with ids above ``cursor`` that have untagged artifacts, in id order.

    The artifacts were pushed before ``before``. The repositories' rows are not locked. What is left of deleted
    repositories is none of them.
    """
    rows = ctx.rows(_REPOSITORIES, {"before": before, "cursor": cursor, "limit": _AT_ONCE})
    return [RepositoryRef(id=row.id, project_id=row.project_id, name=row.name, published=row.published) for row in rows]


def delete_group(ctx: Context, repository: RepositoryRef, group: Group, window_ms: int) -> DeletedGroup | None:
    """Delete the group inside the open writing transaction; its blobs do not wait for the time window again.

    Delete nothing and return None when an artifact of the group is deleted already, or a tag or an index outside the
    group leads to one by now. Raise what ``require_deletable`` raises.
    """
    with ctx.write() as session:
        locked = lock_repository_or_none(session, repository.name)
        if locked is None or locked.id != repository.id or not _stands(ctx, group):
            return None
        blob_ids = {
            blob_id
            for part in parts(group.artifact_ids)
            for blob_id in session.execute(reachability.blobs_of_artifacts(part)).scalars()
        }
        size = manifest_bytes(session, group.artifact_ids)
        delete_artifacts(ctx, locked, group.artifact_ids)
        age_queue(session, repository_id=locked.id, blob_ids=sorted(blob_ids), window_ms=window_ms)
        return DeletedGroup(manifests=len(group.artifact_ids), bytes=size)


def require_group_deletable(ctx: Context, repository: RepositoryRef, group: Group) -> None:
    """Raise what an admission check raises against the deletion of the group; do not record the refusal."""
    require_deletable(ctx, repository, group.artifact_ids, recorded=False)


def manifest_bytes(session: Session, artifact_ids: Sequence[int]) -> int:
    """Return the bytes of the artifacts' manifests."""
    return sum(int(session.execute(_SIZE, {"ids": part}).scalar_one() or 0) for part in parts(artifact_ids))


def delete_stray_tags(session: Session) -> int:
    """Delete tags whose artifact does not exist and return their number; a repair by hand may leave such tags."""
    stray = sa.delete(Tag).where(~sa.exists().where(Artifact.id == Tag.artifact_id)).returning(Tag.id)
    return len(session.execute(stray, execution_options={"synchronize_session": False}).scalars().all())


def _stands(ctx: Context, group: Group) -> bool:
    """Tell whether all artifacts of the group exist, and no tag or index outside the group leads to one."""
    members = set(group.artifact_ids)
    count = sum(ctx.rows(_COUNT, {"ids": part})[0][0] for part in parts(members))
    parents, tags = leads(ctx, members)
    return (
        count == len(members)
        and all(indexes <= members for indexes in parents.values())
        and all(subjects & members for subjects_of_tags in tags.values() for subjects in subjects_of_tags)
    )


_IDS: sa.BindParameter[list[int]] = sa.bindparam("ids", expanding=True)
_REPOSITORIES: Final = (
    sa.select(Repository.id, Repository.project_id, Repository.name, Repository.published)
    .where(
        Repository.id > sa.bindparam("cursor"),
        Repository.published,
        sa.exists().where(Artifact.repository_id == Repository.id, reachability.untagged()),
    )
    .order_by(Repository.id)
    .limit(sa.bindparam("limit"))
)
_COUNT: Final = sa.select(sa.func.count()).select_from(Artifact).where(Artifact.id.in_(_IDS))
_SIZE: Final = sa.select(sa.func.sum(Artifact.manifest_size)).where(Artifact.id.in_(_IDS))
