"""What a collection would free: counted, not touched."""

from datetime import timedelta

import sqlalchemy as sa

from app.artifacts.models import Accessory, Artifact, ArtifactBlob, ArtifactChild, Repository, RepositoryBlob, Tag
from app.context import Context
from app.db.types import clock_ms
from app.garbage.contracts import GarbageInput, Marked
from app.storage.models import IS_LIVE, Blob, ZeroReference


def mark(ctx: Context, asked: GarbageInput) -> Marked:
    """Count the blobs that the queue frees from now on, and the untagged artifacts that are old enough."""
    before = ctx.ports.clock.now() - timedelta(milliseconds=asked.window_ms)
    with ctx.read() as session:
        cutoff = session.execute(sa.select(clock_ms() - asked.window_ms)).scalar_one()
        counted = session.execute(_ELIGIBLE, {"cutoff": cutoff}).one()
        untagged = session.execute(sa.select(sa.func.count()).select_from(_untagged().subquery()), {"before": before})
        manifests = untagged.scalar_one() if asked.delete_untagged else 0
    return Marked(cutoff_ms=cutoff, blobs=counted.blobs, manifests=manifests, bytes=int(counted.bytes))


def _untagged() -> sa.Select[int]:
    """Artifacts pushed before ``:before`` that have no tag, are in no index and no manifest that names a subject."""
    return sa.select(Artifact.id).where(
        Artifact.push_time < sa.bindparam("before", type_=Artifact.push_time.type),
        ~sa.exists().where(Tag.artifact_id == Artifact.id),
        ~sa.exists().where(ArtifactChild.child_id == Artifact.id),
        ~sa.exists().where(Accessory.artifact_id == Artifact.id, Accessory.by_tag.is_(sa.false())),
    )


UNTAGGED = (
    _untagged()
    .add_columns(Repository.name)
    .join(Repository, Repository.id == Artifact.repository_id)
    .where(Artifact.id > sa.bindparam("cursor"))
    .order_by(Artifact.id)
    .limit(sa.bindparam("limit"))
)
"""A page of untagged artifacts."""

_old = sa.alias(ZeroReference.__table__, "old")
_young = sa.alias(ZeroReference.__table__, "young")
_queued = sa.alias(ZeroReference.__table__, "queued")
_CUTOFF = sa.bindparam("cutoff", type_=ZeroReference.since.type)
_held_elsewhere = sa.exists().where(
    RepositoryBlob.blob_id == Blob.id,
    ~sa.exists().where(
        _queued.c.blob_id == Blob.id,
        _queued.c.repository_id == RepositoryBlob.repository_id,
        _queued.c.since <= _CUTOFF,
    ),
)
_ELIGIBLE = sa.select(sa.func.count().label("blobs"), sa.func.coalesce(sa.func.sum(Blob.size), 0).label("bytes")).where(
    IS_LIVE,
    Blob.claimed_until < clock_ms(),
    sa.exists().where(_old.c.blob_id == Blob.id, _old.c.since <= _CUTOFF),
    ~sa.exists().where(_young.c.blob_id == Blob.id, _young.c.since > _CUTOFF),
    ~sa.exists().where(ArtifactBlob.blob_id == Blob.id),
    ~_held_elsewhere,
)
