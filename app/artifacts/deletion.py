"""What goes when artifacts, tags and repositories are deleted, and what that leaves to garbage collection."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import reachability
from app.artifacts.holdings import enter_queue, let_all_go, lock_blobs
from app.artifacts.models import Accessory, Artifact, ArtifactChild, Repository, Standing, Tag
from app.artifacts.repositories import RepositoryRef, lock_repository
from app.artifacts.standing import described_by_tag, settle, tagged_beside
from app.artifacts.subjects import Deletion, RepositoryDeletion, Untagging
from app.context import Context
from app.core.errors import ManifestUnknown, StillReferenced
from app.db.parts import parts
from app.events.content import ArtifactDeleted, RepositoryDeleted, TagDeleted
from app.oci.accessory_tags import tags_about
from app.projects.quotas import count_content

_DIGESTS_AT_ONCE: Final = 1000
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """An artifact that is about to go."""

    id: int
    digest: str
    manifest_size: int
    listed: bool
    tags: tuple[str, ...]


def delete_artifacts(ctx: Context, repository: RepositoryRef, artifact_ids: Sequence[int]) -> None:
    """Delete the artifacts with their tags, queue the blobs nobody refers to then, and stop charging for them.

    Tags that made other artifacts accessories of these go too. The repository's row must be locked; no index that stays
    may list one of them.
    """
    session = ctx.session
    doomed = require_deletable(ctx, session, repository, artifact_ids)
    digests = tuple(each.digest for each in doomed)
    freed = sum(each.manifest_size for each in doomed)
    touched = {*_children(session, artifact_ids), *described_by_tag(session, repository.id, digests)}
    for part in parts(artifact_ids):
        _run(session, sa.delete(ArtifactChild).where(ArtifactChild.parent_id.in_(part)))
    for part in parts(artifact_ids):
        blob_ids = lock_blobs(session, reachability.blobs_of_artifacts(part))
        _run(session, sa.delete(Tag).where(Tag.artifact_id.in_(part)))
        _run(session, sa.delete(Artifact).where(Artifact.id.in_(part)))
        enter_queue(session, repository=repository, blob_ids=blob_ids)
        freed += _released(session, repository, blob_ids, even_if_held=True)
    listed = settle(session, touched.difference(artifact_ids)) - sum(each.listed for each in doomed)
    _note_change(ctx, repository, listed)
    _delete_tags_about(ctx, repository, digests)
    for each in doomed:
        ctx.emit(_artifact_deleted(repository, each))
    session.flush()
    count_content(ctx, repository.project_id, stored=-freed)


def require_deletable(
    ctx: Context, session: Session, repository: RepositoryRef, artifact_ids: Sequence[int], *, recorded: bool = True
) -> list[Doomed]:
    """Return the artifacts with the tags that go with them; raises whatever admission refuses their deletion with.

    A refusal is on record unless the caller only asks, as a dry run does.
    """
    doomed = [each for part in parts(artifact_ids) for each in _doomed(session, part)]
    tags = tuple(tag for each in doomed for tag in each.tags)
    digests = tuple(each.digest for each in doomed)
    subject = Deletion(project_id=repository.project_id, repository=repository.name, digests=digests, tags=tags)
    ctx.admit(subject, recorded=recorded)
    return doomed


def delete_artifact(ctx: Context, artifact_id: int) -> None:
    """Delete an artifact with its accessories, theirs, and all their tags; inside an open writing transaction.

    ManifestUnknown when it is gone; StillReferenced while an index that stays lists one of them.
    """
    session = ctx.session
    name = session.execute(_REPOSITORY_OF, {"artifact": artifact_id}).scalar_one_or_none()
    repository = None if name is None else lock_repository(session, name)
    if repository is None:
        raise ManifestUnknown
    artifact_ids = with_accessories(session, artifact_id)
    if parents := listed_by(session, artifact_ids):
        raise StillReferenced(
            "an index of the repository lists this artifact: delete the index first", detail={"indexes": parents}
        )
    delete_artifacts(ctx, repository, artifact_ids)


def delete_tags(ctx: Context, repository: RepositoryRef, tags: Sequence[tuple[int, str, str]]) -> None:
    """Delete tags given as (id, name, digest of their artifact), which stays. The repository's row must be locked."""
    names = tuple(name for _, name, _ in tags)
    ctx.admit(Untagging(project_id=repository.project_id, repository=repository.name, tags=names))
    touched: set[int] = set()
    for part in parts(tag_id for tag_id, _, _ in tags):
        touched.update(ctx.session.execute(sa.select(Tag.artifact_id).where(Tag.id.in_(part))).scalars())
        _run(ctx.session, sa.delete(Tag).where(Tag.id.in_(part)))
    _note_change(ctx, repository, settle(ctx.session, touched))
    for _, name, digest in tags:
        ctx.emit(TagDeleted(project_id=repository.project_id, repository=repository.name, digest=digest, tag=name))


def delete_repository(ctx: Context, repository: RepositoryRef) -> None:
    """Delete the repository with all that is in it and queue its blobs. The repository's row must be locked."""
    session = ctx.session
    ctx.admit(RepositoryDeletion(project_id=repository.project_id, repository=repository.name))
    freed = _manifest_bytes(session, repository)
    blob_ids = lock_blobs(session, reachability.blobs_of_repository(repository.id))
    own = sa.select(Artifact.id).where(Artifact.repository_id == repository.id)
    _run(session, sa.delete(Tag).where(Tag.repository_id == repository.id))
    _run(session, sa.delete(ArtifactChild).where(ArtifactChild.parent_id.in_(own)))
    _run(session, sa.delete(Artifact).where(Artifact.repository_id == repository.id))
    enter_queue(session, repository=repository, blob_ids=blob_ids)
    let_all_go(session, repository.id)
    freed += _released(session, repository, blob_ids)
    _run(session, sa.delete(Repository).where(Repository.id == repository.id))
    ctx.emit(RepositoryDeleted(project_id=repository.project_id, repository=repository.name))
    session.flush()
    count_content(ctx, repository.project_id, stored=-freed, repositories=-1 if repository.published else 0)


def listed_by(session: Session, artifact_ids: Sequence[int]) -> list[str]:
    """Digests of up to 20 indexes, none of them among the artifacts, that list one of the artifacts."""
    parents = {
        parent
        for part in parts(artifact_ids)
        for parent in session.execute(
            sa.select(ArtifactChild.parent_id).distinct().where(ArtifactChild.child_id.in_(part))
        ).scalars()
    }
    staying = sorted(parents.difference(artifact_ids))[:_SHOWN]
    return sorted(session.execute(sa.select(Artifact.digest).where(Artifact.id.in_(staying))).scalars())


def with_accessories(session: Session, artifact_id: int, *, by_tag_only: bool = False) -> list[int]:
    """The artifact, its accessories and theirs; of those that only tags make accessories the ones without other tags.

    With ``by_tag_only`` these and no others.
    """
    return list(session.execute(_FAMILY_BY_TAG if by_tag_only else _FAMILY, {"artifact": artifact_id}).scalars())


def _children(session: Session, artifact_ids: Sequence[int]) -> set[int]:
    return {
        child
        for part in parts(artifact_ids)
        for child in session.execute(
            sa.select(ArtifactChild.child_id).where(ArtifactChild.parent_id.in_(part))
        ).scalars()
    }


def _delete_tags_about(ctx: Context, repository: RepositoryRef, digests: Sequence[str]) -> None:
    """Delete the tags that still say that an artifact is about one of the digests, which are gone."""
    for part in parts(digests, _DIGESTS_AT_ONCE):
        names = [name for digest in part for name in tags_about(digest)]
        rows = ctx.session.execute(_ABOUT, {"repository": repository.id, "names": names, "digests": part}).all()
        if rows:
            delete_tags(ctx, repository, [(row.id, row.name, row.digest) for row in rows])


def _doomed(session: Session, artifact_ids: list[int]) -> list[Doomed]:
    rows = session.execute(
        sa.select(Artifact.id, Artifact.digest, Artifact.manifest_size, Artifact.standing, Tag.name)
        .outerjoin(Tag, Tag.artifact_id == Artifact.id)
        .where(Artifact.id.in_(artifact_ids))
        .order_by(Artifact.id, Tag.name)
    ).all()
    tags: dict[int, list[str]] = {}
    for row in rows:
        tags.setdefault(row.id, []).extend([] if row.name is None else [row.name])
    facts = {row.id: row for row in rows}
    return [
        Doomed(
            id=row.id,
            digest=row.digest,
            manifest_size=row.manifest_size,
            listed=row.standing == Standing.LISTED,
            tags=tuple(tags[row.id]),
        )
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


def _note_change(ctx: Context, repository: RepositoryRef, listed: int) -> None:
    values = {"artifact_count": Repository.artifact_count + listed, "update_time": ctx.ports.clock.now()}
    _run(ctx.session, sa.update(Repository).where(Repository.id == repository.id).values(values))


def _manifest_bytes(session: Session, repository: RepositoryRef) -> int:
    total = sa.select(sa.func.sum(Artifact.manifest_size)).where(Artifact.repository_id == repository.id)
    return int(session.execute(total).scalar_one() or 0)


def _released(
    session: Session, repository: RepositoryRef, blob_ids: Sequence[int], *, even_if_held: bool = False
) -> int:
    project_id = repository.project_id
    released = reachability.release_charges(session, blob_ids, project_id=project_id, even_if_held=even_if_held)
    return released.get(project_id, 0)


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
_NO_OTHER_TAG = ~tagged_beside(Artifact.id, Accessory.subject_digest)
_FAMILY = sa.select(_ROOT.union(_ATTACHED.where(sa.or_(Accessory.by_tag.is_(sa.false()), _NO_OTHER_TAG))).c.id)
_FAMILY_BY_TAG = sa.select(_ROOT.union(_ATTACHED.where(Accessory.by_tag, _NO_OTHER_TAG)).c.id)
_ABOUT = (
    sa.select(Tag.id, Tag.name, Artifact.digest)
    .distinct()
    .join(Artifact, Artifact.id == Tag.artifact_id)
    .join(Accessory, Accessory.artifact_id == Artifact.id)
    .where(
        Tag.repository_id == sa.bindparam("repository"),
        Tag.name.in_(sa.bindparam("names", expanding=True)),
        Accessory.by_tag,
        Accessory.subject_digest.in_(sa.bindparam("digests", expanding=True)),
    )
)
