"""Push of a manifest: checks of its content first, then one transaction that stores it and its tags."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.accessories import Referrer, attach, attach_by_tags, subjects_by_tags
from app.artifacts.content_checks import CheckedContent, check_content
from app.artifacts.holdings import charge_artifact, leave_queue
from app.artifacts.models import Artifact, ArtifactChild, ManifestBody, Repository, Standing
from app.artifacts.processors.stored_artifact import StoredArtifact
from app.artifacts.processors.table import facts_of_push
from app.artifacts.references import References, extend, record, resolve
from app.artifacts.repositories import RepositoryRef, find_place, lock_repository_or_none
from app.artifacts.standing import described_by_tag, settle
from app.artifacts.subjects import Push
from app.artifacts.tags import TaggedArtifact, point_tags
from app.context import Context
from app.core.digest import Digest
from app.core.errors import Contended, ManifestInvalid
from app.core.reference import RepositoryName
from app.db.conflict import full_insert
from app.db.database import retried
from app.db.plans import run
from app.events.content import ArtifactPushed
from app.oci.artifact_types import artifact_kind
from app.oci.documents import storable_map
from app.oci.limits import SIZE
from app.oci.manifests import Manifest
from app.projects import rights
from app.projects.quotas import count_content


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestPush:
    """A valid manifest to store in a repository, with its bytes, its digest and the tags to point at it."""

    repository: RepositoryName
    manifest: Manifest
    body: bytes
    digest: Digest
    tags: tuple[str, ...] = ()


class PushService:
    """Stores pushed manifests; the registry edge has checked the caller's right to push before."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    @retried()
    def push(self, push: ManifestPush) -> bool:
        """Store the manifest and point its tags at it; return False when the repository has the manifest already.

        Another push of a known manifest adds references to optional content that has come since. Signatures apart, the
        number of statements does not depend on the number of layers.

        Raises: ManifestInvalid for a config or signature that readers do not all read alike, for an index entry whose
        type is not that of its manifest, and for a manifest that the repository has under another media type;
        ManifestBlobUnknown when the repository lacks required content; ProjectUnknown; QuotaExceeded; ReadOnly or
        UnavailableError from the write gate; StorageFull while the disk is full; what an admission check raises.
        """
        self._ctx.ports.room.require()
        checked = check_content(self._ctx, push.repository, push.manifest, push.tags)
        artifact = StoredArtifact(ctx=self._ctx, repository=push.repository, digest=push.digest, manifest=push.manifest)
        return self._store(push, replace(checked, facts=facts_of_push(artifact, checked.facts)))

    def _store(self, push: ManifestPush, checked: CheckedContent) -> bool:
        ctx = self._ctx
        with ctx.write_content() as session:
            repository = enter_repository(session, push.repository, ctx.ports.clock.now())
            created, stored = self.store_in(repository, push, checked)
            session.flush()
            count_content(ctx, repository.project_id, stored=stored, repositories=0 if repository.published else 1)
        return created

    def store_in(self, repository: RepositoryRef, push: ManifestPush, checked: CheckedContent) -> tuple[bool, int]:
        """Store the manifest inside an open content transaction, whose caller counts the stored bytes at its end.

        The caller must have locked the repository's row. Return whether the repository lacked the manifest, and the
        bytes that the project is charged for. Raise as ``push`` does.
        """
        ctx = self._ctx
        with ctx.write() as session:
            now = ctx.ports.clock.now()
            ctx.admit(_subject(push, repository))
            known = _known_artifact_or_none(session, repository, push)
            created = known is None
            stored, touched = 0, set[int]()
            if known is None:
                artifact_id, stored = _create(session, repository, push, checked, now)
                touched = _touched(session, repository, push, artifact_id)
            else:
                artifact_id = known
                if push.manifest.optional:
                    stored, touched = _extend(session, repository, push, checked, artifact_id)
            touched |= point_tags(
                ctx, repository, TaggedArtifact(id=artifact_id, digest=push.digest), push.tags, pushed=True
            )
            touched |= self._attach_by_tags(_referrer(repository, push, artifact_id), push, now, created=created)
            if touched:
                _touch(session, repository, listed=created + settle(session, touched), now=now)
            ctx.emit(_event(push, repository, artifact_id, created=created))
        return created, stored

    def _attach_by_tags(self, referrer: Referrer, push: ManifestPush, now: datetime, *, created: bool) -> set[int]:
        """Make the manifest an accessory of the subjects that its tags name; return its artifact when that is new.

        Accessories are deleted with their subject, so a known manifest becomes one only if the caller may delete it.
        """
        subjects = subjects_by_tags(referrer, push.tags)
        if not subjects or not (created or self._may_delete(push.repository.project)):
            return set()
        with self._ctx.write() as session:
            return {referrer.artifact_id} if attach_by_tags(session, referrer, subjects, now) else set()

    def _may_delete(self, project: str) -> bool:
        with self._ctx.read() as session:
            known = rights.project_or_none(session, project)
            return known is not None and rights.may(session, self._ctx.principal, known, "artifact", "delete")


def enter_repository(session: Session, name: RepositoryName, now: datetime) -> RepositoryRef:
    """Lock the repository's row until the commit and return it; create it, unpublished, when it does not exist.

    Raise ProjectUnknown when the project does not exist; Contended when another transaction deletes the repository.
    """
    repository = lock_repository_or_none(session, name)
    if repository is None:
        find_place(session, name, now)
        repository = lock_repository_or_none(session, name)
    if repository is None:
        raise Contended("the repository was deleted meanwhile: try again", retry_after=1)
    return repository


def _known_artifact_or_none(session: Session, repository: RepositoryRef, push: ManifestPush) -> int | None:
    """Return the id of the artifact with this digest; None without one.

    Raise ManifestInvalid when it was pushed with another media type, under which it was checked and is served.
    """
    rows = run(session, _ARTIFACT, {"repository": repository.id, "digest": push.digest})
    if not rows:
        return None
    row = rows[0]
    if row.manifest_media_type != push.manifest.media_type:
        raise ManifestInvalid(
            f"the repository holds this document as {row.manifest_media_type!r}: delete it to push it as another type",
            detail={"mediaType": row.manifest_media_type},
        )
    return int(row.id)


def _create(
    session: Session, repository: RepositoryRef, push: ManifestPush, checked: CheckedContent, now: datetime
) -> tuple[int, int]:
    references = resolve(session, repository.id, push.manifest, checked.unchecked)
    row = _row(repository, push, references.size) | {"extra_attrs": checked.facts, "push_time": now}
    artifact_id = int(run(session, _NEW_ARTIFACT, row)[0].id)
    run(session, _NEW_BODY, {"artifact_id": artifact_id, "body": push.body})
    record(session, artifact_id=artifact_id, repository=repository, manifest=push.manifest, references=references)
    attach(session, _referrer(repository, push, artifact_id), now)
    leave_queue(session, repository_id=repository.id, artifact_id=artifact_id)
    return artifact_id, len(push.body) + _charge(session, repository, artifact_id)


def _extend(
    session: Session, repository: RepositoryRef, push: ManifestPush, checked: CheckedContent, artifact_id: int
) -> tuple[int, set[int]]:
    """Add references of a known artifact to content that has come since its push.

    Return the bytes charged, and the ids of the artifacts whose standing may change.
    """
    references = resolve(session, repository.id, push.manifest, checked.unchecked)
    new = extend(session, artifact_id=artifact_id, repository=repository, manifest=push.manifest, references=references)
    if new == References(blobs={}, children={}):
        return 0, set()
    session.connection().execute(_GROW, {"artifact": artifact_id, "more": new.size})
    leave_queue(session, repository_id=repository.id, artifact_id=artifact_id)
    return _charge(session, repository, artifact_id), {child.id for child in new.children.values()}


def _charge(session: Session, repository: RepositoryRef, artifact_id: int) -> int:
    return charge_artifact(session, project_id=repository.project_id, artifact_id=artifact_id)


def _touched(session: Session, repository: RepositoryRef, push: ManifestPush, artifact_id: int) -> set[int]:
    """Return the ids of the artifacts whose standing may change: the new one, its children, its accessories by tag."""
    children = run(session, _CHILDREN, {"artifact": artifact_id}) if push.manifest.entries else ()
    return {artifact_id, *(row.child_id for row in children), *described_by_tag(session, repository.id, [push.digest])}


def _referrer(repository: RepositoryRef, push: ManifestPush, artifact_id: int) -> Referrer:
    return Referrer(
        artifact_id=artifact_id,
        repository_id=repository.id,
        manifest=push.manifest,
        digest=push.digest,
        size=len(push.body),
    )


def _row(repository: RepositoryRef, push: ManifestPush, referred: int) -> dict[str, Any]:
    manifest = push.manifest
    return {
        "project_id": repository.project_id,
        "repository_id": repository.id,
        "digest": push.digest,
        "kind": artifact_kind(manifest),
        "manifest_media_type": manifest.media_type,
        "media_type": manifest.config_type,
        "artifact_type": manifest.artifact_type,
        "size": min(referred + len(push.body), SIZE),
        "manifest_size": len(push.body),
        "annotations": storable_map(manifest.annotations),
    }


def _touch(session: Session, repository: RepositoryRef, *, listed: int, now: datetime) -> None:
    run(session, _TOUCH, {"repository": repository.id, "listed": listed, "now": now})


def _subject(push: ManifestPush, repository: RepositoryRef) -> Push:
    return Push(
        project_id=repository.project_id,
        repository=push.repository,
        digest=push.digest,
        tags=push.tags,
        manifest=push.manifest,
    )


def _event(push: ManifestPush, repository: RepositoryRef, artifact_id: int, *, created: bool) -> ArtifactPushed:
    return ArtifactPushed(
        project_id=repository.project_id,
        repository=push.repository,
        artifact_id=artifact_id,
        digest=push.digest,
        media_type=push.manifest.media_type,
        tags=push.tags,
        created=created,
    )


_NEW_ARTIFACT = full_insert(
    Artifact,
    "project_id",
    "repository_id",
    "digest",
    "kind",
    "manifest_media_type",
    "media_type",
    "artifact_type",
    "size",
    "manifest_size",
    "annotations",
    "extra_attrs",
    "push_time",
    standing=Standing.LISTED,
).returning(Artifact.id)
_NEW_BODY = full_insert(ManifestBody, "artifact_id", "body")
_ARTIFACT = sa.select(Artifact.id, Artifact.manifest_media_type).where(
    Artifact.repository_id == sa.bindparam("repository"), Artifact.digest == sa.bindparam("digest")
)
_MORE = sa.bindparam("more", type_=sa.BigInteger)
_GROW = (
    sa.update(Artifact)
    .where(Artifact.id == sa.bindparam("artifact"))
    .values(size=sa.case((Artifact.size > SIZE - _MORE, SIZE), else_=Artifact.size + _MORE))
)
_CHILDREN = sa.select(ArtifactChild.child_id).where(ArtifactChild.parent_id == sa.bindparam("artifact"))
_REPOSITORY = cast("sa.Table", Repository.__table__)
_TOUCH = (
    sa.update(_REPOSITORY)
    .where(_REPOSITORY.c.id == sa.bindparam("repository"))
    .values(
        artifact_count=_REPOSITORY.c.artifact_count + sa.bindparam("listed"),
        published=sa.true(),
        update_time=sa.bindparam("now", type_=_REPOSITORY.c.update_time.type),
    )
)
