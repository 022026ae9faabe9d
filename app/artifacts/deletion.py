"""Deletion of artifacts, tags and repositories; unreferenced blobs enter the garbage collection's queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import reachability
from app.artifacts.holdings import enter_queue, lock_blobs
from app.artifacts.models import Accessory, Artifact, ArtifactChild, Repository, Standing, Tag
from app.artifacts.removal import execute, release, remove_repository
from app.artifacts.repositories import RepositoryRef, lock_repository_or_none
from app.artifacts.standing import described_by_tag, settle, tagged_beside
from app.artifacts.subjects import Deletion, RepositoryDeletion, Untagging
from app.artifacts.tag_history import TagAction, note_tags
from app.context import Context
from app.core.errors import ManifestUnknown, StillReferenced
from app.db.parts import parts
from app.events.content import ArtifactDeleted, RepositoryDeleted, TagDeleted
from app.oci.accessory_tags import tags_about
from app.projects.quotas import count_content

_DIGESTS_AT_ONCE: Final = 1000
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactToDelete:
    """An artifact that is about to be deleted, with its tags."""

    id: int
    digest: str
    manifest_size: int
    listed: bool
    tags: tuple[str, ...]


def delete_artifacts(ctx: Context, repository: RepositoryRef, artifact_ids: Sequence[int]) -> None:
    """Delete the artifacts with their tags, queue the blobs without references, and stop charging the project for them.

    Delete the tags that make other artifacts accessories of these, too. The caller must have locked the repository's
    row, and no index that stays may list one of the artifacts. Raise what ``require_deletable`` raises.
    """
    with ctx.write() as session:
        artifacts = require_deletable(ctx, repository, artifact_ids)
        digests = tuple(artifact.digest for artifact in artifacts)
        freed = sum(artifact.manifest_size for artifact in artifacts)
        touched = {*_children(session, artifact_ids), *described_by_tag(session, repository.id, digests)}
        for part in parts(artifact_ids):
            execute(session, sa.delete(ArtifactChild).where(ArtifactChild.parent_id.in_(part)))
        for part in parts(artifact_ids):
            blob_ids = lock_blobs(session, reachability.blobs_of_artifacts(part))
            execute(session, sa.delete(Tag).where(Tag.artifact_id.in_(part)))
            execute(session, sa.delete(Artifact).where(Artifact.id.in_(part)))
            enter_queue(session, repository=repository, blob_ids=blob_ids)
            freed += release(session, repository, blob_ids, even_if_held=True)
        listed = settle(session, touched.difference(artifact_ids)) - sum(artifact.listed for artifact in artifacts)
        note_change(session, repository, listed, ctx.ports.clock.now())
        note_tags(ctx, repository.id, TagAction.DELETED, {tag: one.digest for one in artifacts for tag in one.tags})
        _delete_tags_about(ctx, repository, digests)
        for artifact in artifacts:
            ctx.emit(_artifact_deleted(repository, artifact))
        session.flush()
        count_content(ctx, repository.project_id, stored=-freed)


def require_deletable(
    ctx: Context, repository: RepositoryRef, artifact_ids: Sequence[int], *, recorded: bool = True
) -> list[ArtifactToDelete]:
    """Return the artifacts with their tags; raise what an admission check raises against their deletion.

    The refusal is recorded in the audit log unless ``recorded`` is False, as in a dry run.
    """
    with ctx.read() as session:
        artifacts = [artifact for part in parts(artifact_ids) for artifact in _artifacts(session, part)]
    tags = tuple(tag for artifact in artifacts for tag in artifact.tags)
    digests = tuple(artifact.digest for artifact in artifacts)
    subject = Deletion(project_id=repository.project_id, repository=repository.name, digests=digests, tags=tags)
    ctx.admit(subject, recorded=recorded)
    return artifacts


def delete_artifact(ctx: Context, artifact_id: int) -> None:
    """Delete an artifact with its accessories, their accessories, and all tags, inside an open writing transaction.

    Raise ManifestUnknown when it does not exist; StillReferenced while an index that stays lists one of them.
    """
    with ctx.write() as session:
        name = session.execute(_REPOSITORY_OF, {"artifact": artifact_id}).scalar_one_or_none()
        repository = None if name is None else lock_repository_or_none(session, name)
        if repository is None:
            raise ManifestUnknown
        artifact_ids = with_accessories(session, artifact_id)
        if parents := listed_by(session, artifact_ids):
            raise StillReferenced(
                "an index of the repository lists this artifact: delete the index first", detail={"indexes": parents}
            )
        delete_artifacts(ctx, repository, artifact_ids)


def delete_tags(
    ctx: Context, repository: RepositoryRef, tags: Sequence[tuple[int, str, str]], *, subjects: Sequence[str] = ()
) -> None:
    """Delete the tags, each (id, name, digest of its artifact), but not their artifacts.

    The caller must have locked the repository's row. ``subjects`` are the deleted artifacts that the tags are about.
    """
    names = tuple(name for _, name, _ in tags)
    ctx.admit(
        Untagging(project_id=repository.project_id, repository=repository.name, tags=names, subjects=tuple(subjects))
    )
    touched: set[int] = set()
    with ctx.write() as session:
        for part in parts(tag_id for tag_id, _, _ in tags):
            touched.update(session.execute(sa.select(Tag.artifact_id).where(Tag.id.in_(part))).scalars())
            execute(session, sa.delete(Tag).where(Tag.id.in_(part)))
        note_change(session, repository, settle(session, touched), ctx.ports.clock.now())
        note_tags(ctx, repository.id, TagAction.DELETED, {name: digest for _, name, digest in tags})
        for _, name, digest in tags:
            ctx.emit(TagDeleted(project_id=repository.project_id, repository=repository.name, digest=digest, tag=name))


def delete_repository(ctx: Context, repository: RepositoryRef) -> None:
    """Delete the repository with its content and queue its blobs; the caller must have locked the repository's row."""
    with ctx.write() as session:
        ctx.admit(RepositoryDeletion(project_id=repository.project_id, repository=repository.name))
        freed = remove_repository(session, repository)
        ctx.emit(RepositoryDeleted(project_id=repository.project_id, repository=repository.name))
        session.flush()
        count_content(ctx, repository.project_id, stored=-freed, repositories=-1 if repository.published else 0)


def listed_by(session: Session, artifact_ids: Sequence[int]) -> list[str]:
    """Return the digests of up to 20 indexes that list one of the artifacts and are not among them."""
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
    """Return the ids of the artifact, its accessories and their accessories.

    An accessory that only a tag makes one is included unless it has other tags. With ``by_tag_only`` include only
    such accessories.
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
    """Delete the tags that name an artifact as an accessory of one of the digests, which are deleted."""
    for part in parts(digests, _DIGESTS_AT_ONCE):
        names = [name for digest in part for name in tags_about(digest)]
        rows = ctx.rows(_ABOUT, {"repository": repository.id, "names": names, "digests": part})
        if rows:
            delete_tags(ctx, repository, [(row.id, row.name, row.digest) for row in rows], subjects=part)


def _artifacts(session: Session, artifact_ids: list[int]) -> list[ArtifactToDelete]:
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
        ArtifactToDelete(
            id=row.id,
            digest=row.digest,
            manifest_size=row.manifest_size,
            listed=row.standing == Standing.LISTED,
            tags=tuple(tags[row.id]),
        )
        for row in facts.values()
    ]


def _artifact_deleted(repository: RepositoryRef, artifact: ArtifactToDelete) -> ArtifactDeleted:
    return ArtifactDeleted(
        project_id=repository.project_id,
        repository=repository.name,
        artifact_id=artifact.id,
        digest=artifact.digest,
        tags=artifact.tags,
    )


def note_change(session: Session, repository: RepositoryRef, listed: int, now: datetime) -> None:
    """Note that the content of a repository changed, and how many more artifacts its list shows."""
    values = {"artifact_count": Repository.artifact_count + listed, "update_time": now}
    execute(session, sa.update(Repository).where(Repository.id == repository.id).values(values))


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
