"""SQL conditions that decide what is kept: blobs that are referenced, held, charged or queued; untagged artifacts.

A repository *holds* a blob from its upload or mount on. An artifact *references* blobs; the rows name its repository
and project, too. A project is *charged* for a blob once. A *queued* row says that a repository holds, or held, a blob
that none of its artifacts references. Other modules use these conditions in their statements; none joins these tables.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import (
    Accessory,
    Artifact,
    ArtifactBlob,
    ArtifactChild,
    ProjectBlob,
    Repository,
    RepositoryBlob,
    Tag,
)
from app.db.parts import parts
from app.db.types import clock_ms
from app.storage.models import IS_LIVE, Blob, ZeroReference

Id = sa.SQLColumnExpression[int] | int
_Condition = sa.ColumnElement[bool]


def referenced(blob: Id, *, repository: Id | None = None, project: Id | None = None) -> sa.Exists:
    """Return the condition that an artifact (of the repository, of the project) refers to the blob."""
    return _exists(_reference, _reference.c.blob_id == blob, *_of(_reference, repository, project))


def held(blob: Id, *, repository: Id | None = None, project: Id | None = None) -> sa.Exists:
    """Return the condition that a repository (this one, one of the project) holds the blob."""
    own = (_holding.c.blob_id == blob, *_of(_holding, repository))
    if project is None:
        return _exists(_holding, *own)
    home = (_home.c.id == _holding.c.repository_id, _home.c.project_id == project)
    return sa.exists().where(*own, *home).correlate_except(_holding, _home)


def charged(blob: Id, *, project: Id | None = None) -> sa.Exists:
    """Return the condition that the project, or any project, is charged for the blob."""
    return _exists(_charge, _charge.c.blob_id == blob, *_of(_charge, None, project))


def queued(blob: Id, *conditions: _Condition, repository: Id | None = None) -> sa.Exists:
    """Return the condition that the queue has a row of the blob (and the repository) that meets the conditions."""
    return _exists(_queued, _queued.c.blob_id == blob, *_of(_queued, repository), *conditions)


def deletable() -> _Condition:
    """Return the condition that a live blob is not held, referenced, charged or queued: its bytes may be deleted."""
    return sa.and_(IS_LIVE, ~held(Blob.id), ~referenced(Blob.id), ~charged(Blob.id), ~queued(Blob.id))


def waiting(project: Id) -> _Condition:
    """Return the condition that a blob, queued by the project, is charged to no project and waits for collection.

    A blob that any project is charged for does not wait: that project may keep it.
    """
    given_up = sa.select(_queued.c.blob_id).where(_queued.c.project_id == project)
    return sa.and_(Blob.id.in_(given_up), ~charged(Blob.id))


def unclaimed_and_due(*, without_references: bool = True) -> _Condition:
    """Return the condition that a sweep with ``:cutoff`` deletes a blob: no claim protects it, all its rows are due.

    With ``without_references`` False the condition assumes that all artifacts that refer to the blob are deleted.
    """
    holder = _holding.c.repository_id
    keeps = sa.and_(
        ~queued(_holding.c.blob_id, _OLD, repository=holder), ~referenced(_holding.c.blob_id, repository=holder)
    )
    due = (
        IS_LIVE,
        Blob.claimed_until < clock_ms(),
        ~queued(Blob.id, _queued.c.since > _CUTOFF),
        ~_exists(_holding, _holding.c.blob_id == Blob.id, keeps),
    )
    return sa.and_(*due, queued(Blob.id, _OLD), ~referenced(Blob.id)) if without_references else sa.and_(*due)


def tagged(artifact: Id, *conditions: _Condition) -> sa.Exists:
    """Return the condition that the artifact has a tag (which meets the conditions)."""
    return _exists(_TAG, Tag.artifact_id == artifact, *conditions)


def listed_by_index(artifact: Id) -> sa.Exists:
    """Return the condition that an index lists the artifact."""
    return _exists(_CHILD, ArtifactChild.child_id == artifact)


def names_subject(artifact: Id) -> sa.Exists:
    """Return the condition that the artifact's own manifest names a subject."""
    return _exists(_ACCESSORY, Accessory.artifact_id == artifact, Accessory.by_tag.is_(sa.false()))


def untagged() -> _Condition:
    """Return the condition that an artifact pushed before ``:before`` has no tag, no subject, and no index lists it."""
    return sa.and_(may_go_untagged(), ~tagged(Artifact.id), ~listed_by_index(Artifact.id))


def may_go_untagged() -> _Condition:
    """Return the condition that an artifact is deleted once it has no tag and no index lists it.

    It was pushed before ``:before``, and its manifest names no subject.
    """
    before = sa.bindparam("before", type_=Artifact.push_time.type)
    return sa.and_(Artifact.push_time < before, ~names_subject(Artifact.id))


def blobs_of_artifacts(artifact_ids: Sequence[int] | sa.BindParameter[Any]) -> sa.Select[int]:
    """Return a SELECT of the ids of the blobs that the artifacts refer to, once per reference."""
    return sa.select(_reference.c.blob_id).where(_reference.c.artifact_id.in_(artifact_ids))


def blobs_of_artifact(artifact: Id) -> sa.Select[int]:
    """Return a SELECT of the ids of the blobs that the artifact refers to."""
    return sa.select(_reference.c.blob_id).where(_reference.c.artifact_id == artifact)


def blobs_of_repository(repository: Id) -> sa.Select[int]:
    """Return a SELECT of the ids of the blobs that the repository holds."""
    return sa.select(_holding.c.blob_id).where(_holding.c.repository_id == repository)


def reference_counts(blob_ids: sa.BindParameter[Any]) -> sa.Select[int, int]:
    """Return a SELECT of (blob id, number of references to it)."""
    counted = sa.select(_reference.c.blob_id, sa.func.count().label("references"))
    return counted.where(_reference.c.blob_id.in_(blob_ids)).group_by(_reference.c.blob_id)


def holdings(*columns: Any) -> sa.Select[Any]:  # noqa: ANN401 - whatever columns of the two
    """Return a SELECT of columns of Repository and Blob, with a row for every blob that a repository holds."""
    return (
        sa.select(*columns)
        .select_from(Repository)
        .join(_holding, _holding.c.repository_id == Repository.id)
        .join(Blob, Blob.id == _holding.c.blob_id)
    )


def held_under(*columns: Any) -> sa.Select[Any]:  # noqa: ANN401 - whatever columns of the two
    """Return a SELECT of columns of Repository and Blob for the live blob ``:digest`` in the repository ``:name``."""
    return holdings(*columns).where(
        Repository.name == sa.bindparam("name"), Blob.digest == sa.bindparam("digest"), IS_LIVE
    )


def uncharged_references(project: sa.ColumnElement[int], artifact: Id) -> sa.Select[int, int]:
    """Return a SELECT of (project, blob id) of the artifact's blobs that the project is not charged for."""
    return sa.select(project, _reference.c.blob_id).where(
        _reference.c.artifact_id == artifact, ~charged(_reference.c.blob_id, project=project)
    )


def uncharged_blobs(project: int) -> sa.Select[int]:
    """Return a SELECT of the ids of the blobs that the project's artifacts refer to without its being charged."""
    own = (_reference.c.project_id == project, ~charged(_reference.c.blob_id, project=project))
    return sa.select(_reference.c.blob_id).distinct().where(*own)


def charged_blobs(project: int) -> sa.Select[int]:
    """Return a SELECT of the ids of the blobs that the project is charged for."""
    return sa.select(_charge.c.blob_id).where(_charge.c.project_id == project)


def needless_charges(project: int) -> sa.Select[int]:
    """Return a SELECT of the ids of the blobs that the project is charged for and neither refers to nor holds."""
    return charged_blobs(project).where(
        ~referenced(_charge.c.blob_id, project=project), ~held(_charge.c.blob_id, project=project)
    )


def blobs_on_disk(*, repository: int | None = None, project: int | None = None) -> sa.Select[Any]:
    """Return a SELECT of the ids of the live blobs that the repository or project holds, or held until collection."""
    held_by = sa.select(_holding.c.blob_id).where(*_of(_holding, repository))
    if project is not None:
        held_by = held_by.join(_home, _home.c.id == _holding.c.repository_id).where(_home.c.project_id == project)
    both = held_by.union(sa.select(_queued.c.blob_id).where(*_of(_queued, repository, project)))
    return sa.select(Blob.id).where(Blob.id.in_(both), IS_LIVE)


def collectable_blobs(*, repository: int | None = None, project: int | None = None) -> sa.Select[Any]:
    """Return a SELECT of the ids of the live blobs in the queue of the repository or project, without any reference."""
    own = sa.select(_queued.c.blob_id).where(*_of(_queued, repository, project))
    return sa.select(Blob.id).where(Blob.id.in_(own), IS_LIVE, ~referenced(Blob.id))


def number_and_size(blobs: sa.Select[Any]) -> sa.Select[int, int]:
    """Return a SELECT of the number of the blobs (a SELECT of ids) and their total size in bytes."""
    return sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(Blob.size), 0)).where(Blob.id.in_(blobs))


def pulled_bytes(manifests: sa.ColumnElement[int], own: _Condition) -> sa.Select[Any]:
    """Return a SELECT of the sum of the ``own`` artifacts' manifests and that of the blobs of each of them."""
    of_own = sa.select(Artifact.id).where(own)
    blobs = (
        sa.select(sa.func.coalesce(sa.func.sum(Blob.size), 0))
        .select_from(_reference)
        .join(Blob, Blob.id == _reference.c.blob_id)
        .where(_reference.c.artifact_id.in_(of_own))
    )
    return sa.select(manifests, blobs.scalar_subquery()).where(own)


def idle_holdings(repository: Id, *columns: Any) -> sa.Select[Any]:  # noqa: ANN401 - what goes before the blob
    """Return a SELECT of the columns and the id of blobs that the repository holds and none of its artifacts uses."""
    return sa.select(*columns, _holding.c.blob_id).where(
        _holding.c.repository_id == repository, ~referenced(_holding.c.blob_id, repository=repository)
    )


def idle_holdings_of_queue(queue_ids: Sequence[int]) -> sa.Select[int]:
    """Return a SELECT of holdings of the queue rows' repositories and blobs that no artifact there refers to."""
    of_queue = sa.and_(_queued.c.repository_id == _holding.c.repository_id, _queued.c.blob_id == _holding.c.blob_id)
    return (
        sa.select(_holding.c.id)
        .join(_queued, of_queue)
        .where(_queued.c.id.in_(queue_ids), ~referenced(_queued.c.blob_id, repository=_queued.c.repository_id))
    )


def release_charges(
    session: Session, blob_ids: Sequence[int], *, project_id: int | None = None, even_if_held: bool = False
) -> dict[int, int]:
    """Stop charging the project (or all projects) for blobs that it no longer needs; return freed bytes by project id.

    A project needs the blobs that its artifacts refer to and those that its repositories hold. With ``even_if_held``
    the latter do not count, so that a deletion frees quota at once.
    """
    conditions = [~referenced(_CHARGE.c.blob_id, project=_CHARGE.c.project_id)]
    if not even_if_held:
        conditions.append(~held(_CHARGE.c.blob_id, project=_CHARGE.c.project_id))
    if project_id is not None:
        conditions.append(_CHARGE.c.project_id == project_id)
    released: dict[int, int] = {}
    for part in parts(blob_ids):
        ended = sa.delete(_CHARGE).where(_CHARGE.c.blob_id.in_(part), *conditions)
        rows = session.connection().execute(ended.returning(_CHARGE.c.project_id, _CHARGE.c.blob_id)).all()
        sizes = _sizes(session, [row.blob_id for row in rows])
        for row in rows:
            released[row.project_id] = released.get(row.project_id, 0) + sizes[row.blob_id]
    return released


def _sizes(session: Session, blob_ids: Sequence[int]) -> dict[int, int]:
    if not blob_ids:
        return {}
    return {row.id: row.size for row in session.connection().execute(_SIZES, {"blobs": sorted(set(blob_ids))})}


def _exists(table: sa.FromClause, *conditions: _Condition) -> sa.Exists:
    """Return EXISTS of a row of the table; the conditions' other tables belong to the enclosing statements."""
    return sa.exists().where(*conditions).correlate_except(table)


def _of(table: sa.FromClause, repository: Id | None = None, project: Id | None = None) -> tuple[_Condition, ...]:
    narrowed = {"repository_id": repository, "project_id": project}
    return tuple(table.c[name] == value for name, value in narrowed.items() if value is not None)


_reference: Final = sa.alias(ArtifactBlob.__table__, "reference")
_holding: Final = sa.alias(RepositoryBlob.__table__, "holding")
_home: Final = sa.alias(Repository.__table__, "home")
_charge: Final = sa.alias(ProjectBlob.__table__, "charge")
_queued: Final = sa.alias(ZeroReference.__table__, "queued")
_TAG: Final = cast("sa.Table", Tag.__table__)
_CHILD: Final = cast("sa.Table", ArtifactChild.__table__)
_ACCESSORY: Final = cast("sa.Table", Accessory.__table__)
_CHARGE: Final = cast("sa.Table", ProjectBlob.__table__)
_CUTOFF: Final = sa.bindparam("cutoff", type_=ZeroReference.since.type)
_OLD: Final = _queued.c.since <= _CUTOFF
_SIZES: Final = sa.select(Blob.id, Blob.size).where(Blob.id.in_(sa.bindparam("blobs", expanding=True)))
QUEUE_PAGE: Final = (
    sa.select(_queued.c.id, _queued.c.blob_id)
    .where(
        _queued.c.id > sa.bindparam("cursor"),
        _OLD,
        _queued.c.since <= clock_ms() - sa.bindparam("window", type_=ZeroReference.since.type),
        _queued.c.blob_id % sa.bindparam("shares", type_=sa.Integer()) == sa.bindparam("share"),
    )
    .order_by(_queued.c.id)
    .limit(sa.bindparam("limit"))
)
"""A page of the queue's rows that are due, of the blobs that belong to one share."""
