"""What goes when artifacts, tags and repositories are deleted, and what that leaves to garbage collection."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.charges import enter_queue, lock_blobs, release_blobs
from app.artifacts.models import Accessory, Artifact, ArtifactBlob, ArtifactChild, Repository, RepositoryBlob, Tag
from app.artifacts.repositories import RepositoryRef, lock_repository
from app.artifacts.subjects import Deletion, RepositoryDeletion
from app.context import Context
from app.core.errors import ManifestUnknown, StillReferenced
from app.db.parts import parts
from app.events.content import ArtifactDeleted, RepositoryDeleted, TagDeleted
from app.projects.counters import count_content


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """An artifact that is about to go."""

    id: int
    digest: str
    manifest_size: int
    tags: tuple[str, ...]


def delete_artifacts(ctx: Context, repository: RepositoryRef, artifact_ids: Sequence[int]) -> None:
    """Delete the artifacts with their tags, queue the blobs nobody refers to then, and stop charging for them.

    The repository's row must be locked; no index that stays may list one of them.
    """
    session = ctx.session
    doomed = [each for part in parts(artifact_ids) for each in _doomed(session, part)]
    tags = tuple(tag for each in doomed for tag in each.tags)
    digests = tuple(each.digest for each in doomed)
    ctx.admit(
        "delete", Deletion(project_id=repository.project_id, repository=repository.name, digests=digests, tags=tags)
    )
    freed = sum(each.manifest_size for each in doomed)
    for part in parts(artifact_ids):
        blob_ids = lock_blobs(session, sa.select(ArtifactBlob.blob_id).where(ArtifactBlob.artifact_id.in_(part)))
        _run(session, sa.delete(Tag).where(Tag.artifact_id.in_(part)))
        _run(session, sa.delete(ArtifactChild).where(ArtifactChild.parent_id.in_(part)))
        _run(session, sa.delete(Artifact).where(Artifact.id.in_(part)))
        enter_queue(session, repository=repository, blob_ids=blob_ids)
        freed += release_blobs(session, project_id=repository.project_id, blob_ids=blob_ids)
    _shrink(ctx, repository, len(doomed))
    for each in doomed:
        ctx.emit(_artifact_deleted(repository, each))
    session.flush()
    count_content(ctx, repository.project_id, stored=-freed)


def delete_artifact(ctx: Context, artifact_id: int) -> None:
    """Delete an artifact with its accessories, theirs, and all their tags; inside an open writing transaction.

    ManifestUnknown when it is gone; StillReferenced while an index that stays lists one of them.
    """
    session = ctx.session
    name = session.execute(_REPOSITORY_OF, {"artifact": artifact_id}).scalar_one_or_none()
    repository = None if name is None else lock_repository(session, name)
    if repository is None:
        raise ManifestUnknown
    artifact_ids = _with_accessories(session, artifact_id)
    if parents := listed_by(session, artifact_ids):
        raise StillReferenced(
            "an index of the repository lists this artifact: delete the index first", detail={"indexes": parents}
        )
    delete_artifacts(ctx, repository, artifact_ids)


def delete_tags(ctx: Context, repository: RepositoryRef, tags: Sequence[tuple[int, str, str]]) -> None:
    """Delete tags given as (id, name, digest of their artifact), which stays. The repository's row must be locked."""
    names = tuple(name for _, name, _ in tags)
    ctx.admit("delete", Deletion(project_id=repository.project_id, repository=repository.name, digests=(), tags=names))
    for part in parts(tag_id for tag_id, _, _ in tags):
        _run(ctx.session, sa.delete(Tag).where(Tag.id.in_(part)))
    _shrink(ctx, repository, 0)
    for _, name, digest in tags:
        ctx.emit(TagDeleted(project_id=repository.project_id, repository=repository.name, digest=digest, tag=name))


def delete_repository(ctx: Context, repository: RepositoryRef) -> None:
    """Delete the repository with all that is in it and queue its blobs. The repository's row must be locked."""
    session = ctx.session
    ctx.admit("delete_repository", RepositoryDeletion(project_id=repository.project_id, repository=repository.name))
    freed = _manifest_bytes(session, repository)
    blob_ids = lock_blobs(
        session, sa.select(RepositoryBlob.blob_id).where(RepositoryBlob.repository_id == repository.id)
    )
    own = sa.select(Artifact.id).where(Artifact.repository_id == repository.id)
    _run(session, sa.delete(Tag).where(Tag.repository_id == repository.id))
    _run(session, sa.delete(ArtifactChild).where(ArtifactChild.parent_id.in_(own)))
    _run(session, sa.delete(Artifact).where(Artifact.repository_id == repository.id))
    enter_queue(session, repository=repository, blob_ids=blob_ids)
    _run(session, sa.delete(RepositoryBlob).where(RepositoryBlob.repository_id == repository.id))
    freed += release_blobs(session, project_id=repository.project_id, blob_ids=blob_ids, held=True)
    _run(session, sa.delete(Repository).where(Repository.id == repository.id))
    ctx.emit(RepositoryDeleted(project_id=repository.project_id, repository=repository.name))
    session.flush()
    count_content(ctx, repository.project_id, stored=-freed, repositories=-1 if repository.published else 0)


def listed_by(session: Session, artifact_ids: Sequence[int]) -> list[str]:
    """Digests of up to 20 indexes, none of them among the artifacts, that list one of the artifacts."""
    statement = (
        sa.select(Artifact.digest)
        .distinct()
        .join(ArtifactChild, ArtifactChild.parent_id == Artifact.id)
        .where(ArtifactChild.child_id.in_(artifact_ids), ArtifactChild.parent_id.not_in(artifact_ids))
        .order_by(Artifact.digest)
        .limit(20)
    )
    return list(session.execute(statement).scalars())


def _with_accessories(session: Session, artifact_id: int) -> list[int]:
    return list(session.execute(_FAMILY, {"artifact": artifact_id}).scalars())


def _doomed(session: Session, artifact_ids: list[int]) -> list[Doomed]:
    rows = session.execute(
        sa.select(Artifact.id, Artifact.digest, Artifact.manifest_size, Tag.name)
        .outerjoin(Tag, Tag.artifact_id == Artifact.id)
        .where(Artifact.id.in_(artifact_ids))
        .order_by(Artifact.id, Tag.name)
    ).all()
    tags: dict[int, list[str]] = {}
    for row in rows:
        tags.setdefault(row.id, []).extend([] if row.name is None else [row.name])
    facts = {row.id: row for row in rows}
    return [
        Doomed(id=row.id, digest=row.digest, manifest_size=row.manifest_size, tags=tuple(tags[row.id]))
        for row in facts.values()
    ]


def _artifact_deleted(repository: RepositoryRef, gone: Doomed) -> ArtifactDeleted:
    return ArtifactDeleted(
        project_id=repository.project_id,
        repository=repository.name,
        artifact_id=gone.id,
        digest=gone.digest,
        tags=gone.tags,
    )


def _shrink(ctx: Context, repository: RepositoryRef, artifacts: int) -> None:
    values = {"artifact_count": Repository.artifact_count - artifacts, "update_time": ctx.ports.clock.now()}
    _run(ctx.session, sa.update(Repository).where(Repository.id == repository.id).values(values))


def _manifest_bytes(session: Session, repository: RepositoryRef) -> int:
    total = sa.select(sa.func.sum(Artifact.manifest_size)).where(Artifact.repository_id == repository.id)
    return int(session.execute(total).scalar_one() or 0)


def _run(session: Session, statement: sa.Executable) -> None:
    session.execute(statement, execution_options={"synchronize_session": False})


_REPOSITORY_OF = (
    sa.select(Repository.name)
    .join(Artifact, Artifact.repository_id == Repository.id)
    .where(Artifact.id == sa.bindparam("artifact"))
)
_ROOT = (
    sa.select(Artifact.id, Artifact.repository_id, Artifact.digest)
    .where(Artifact.id == sa.bindparam("artifact"))
    .cte("family", recursive=True)
)
_ATTACHED = sa.select(Artifact.id, Artifact.repository_id, Artifact.digest).where(
    Artifact.id == Accessory.artifact_id,
    Accessory.repository_id == _ROOT.c.repository_id,
    Accessory.subject_digest == _ROOT.c.digest,
)
_FAMILY = sa.select(_ROOT.union(_ATTACHED).c.id)
