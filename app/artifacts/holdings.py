"""Changes of the rows that keep blobs: references, holdings, charges, and the queue of unreferenced blobs."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import reachability
from app.artifacts.models import ArtifactBlob, ProjectBlob, RepositoryBlob
from app.artifacts.repositories import Place, RepositoryRef
from app.db.conflict import absent_inserts, absent_selects, insert_absent
from app.db.parts import parts
from app.db.plans import run
from app.db.types import clock_ms
from app.storage.models import IS_LIVE, IS_QUARANTINED, Blob, ZeroReference


def refer(session: Session, place: Mapping[str, object], blob_ids: Sequence[int]) -> None:
    """Add references of an artifact to the blobs; ``place`` has ``artifact_id``, ``repository_id``, ``project_id``."""
    for part in parts(blob_ids):
        run(session, _NEW_REFERENCES, {**place, "blobs": part})


def hold(session: Session, place: Place, blob_id: int) -> bool:
    """Add the blob to the repository, and to the queue unless an artifact of it refers to the blob.

    Return True when the project was not charged for the blob before.
    """
    held = {"repository_id": place.repository_id, "blob_id": blob_id}
    _insert(session, _NEW_HOLDING, held)
    _insert(session, _NEW_IDLE, {**held, "project_id": place.project_id})
    return _insert(session, _NEW_CHARGE, {"project_id": place.project_id, "blob_id": blob_id})


def hold_all(session: Session, *, repository_id: int, blob_ids: Sequence[int]) -> list[int]:
    """Add the blobs to the repository; return those that it did not hold, none of which is queued or charged yet."""
    new = _NEW_HOLDINGS[session.get_bind().dialect.name]
    return [
        row.blob_id
        for part in parts(blob_ids)
        for row in session.connection().execute(new, {"repository_id": repository_id, "blobs": part})
    ]


def let_go(session: Session, repository: RepositoryRef, blob_id: int) -> bool:
    """Remove a blob that no artifact refers to from the repository; return False when it does not hold the blob."""
    own = (_HOLDING.c.repository_id == repository.id, _HOLDING.c.blob_id == blob_id)
    removed = session.connection().execute(sa.delete(_HOLDING).where(*own).returning(_HOLDING.c.id)).one_or_none()
    if removed is None:
        return False
    row = {"repository_id": repository.id, "project_id": repository.project_id, "blob_id": blob_id}
    _insert(session, _NEW_QUEUED, row)
    return True


def let_all_go(session: Session, repository_id: int) -> None:
    """Remove all blobs from the repository."""
    session.connection().execute(sa.delete(_HOLDING).where(_HOLDING.c.repository_id == repository_id))


def let_idle_go(session: Session, repository_id: int, blob_ids: Sequence[int]) -> None:
    """Remove those of the blobs from the repository that none of its artifacts refers to."""
    for part in parts(blob_ids):
        idle = reachability.idle_holdings(repository_id)
        idle = idle.where(idle.selected_columns.blob_id.in_(part))
        own = (_HOLDING.c.repository_id == repository_id, _HOLDING.c.blob_id.in_(idle))
        session.connection().execute(sa.delete(_HOLDING).where(*own))


def charge_artifact(session: Session, *, project_id: int, artifact_id: int) -> int:
    """Charge the project for the artifact's blobs that it is not charged for yet; return their bytes."""
    place = {"project": project_id, "artifact": artifact_id}
    charged = run(session, _CHARGE[session.get_bind().dialect.name], place)
    blob_ids = [row.blob_id for row in charged]
    sizes = [session.connection().execute(_SIZE, {"blobs": part}).scalar_one() for part in parts(blob_ids)]
    return sum(int(size or 0) for size in sizes)


def add_charges(session: Session, *, project_id: int, blob_ids: Sequence[int]) -> None:
    """Charge the project for the blobs; nothing happens for those that it is charged for already."""
    for blob_id in blob_ids:
        _insert(session, _NEW_CHARGE, {"project_id": project_id, "blob_id": blob_id})


def leave_queue(session: Session, *, repository_id: int, artifact_id: int) -> None:
    """Remove the artifact's blobs from the repository's queue, as the artifact refers to them now."""
    run(session, _LEAVE, {"repository": repository_id, "artifact": artifact_id})


def enter_queue(session: Session, *, repository: RepositoryRef, blob_ids: Sequence[int]) -> None:
    """Add to the queue those of the blobs that the repository holds and none of its artifacts refers to."""
    row = (sa.literal(repository.id), sa.literal(repository.project_id), clock_ms())
    for part in parts(blob_ids):
        idle = reachability.idle_holdings(repository.id, *row)
        idle = idle.where(idle.selected_columns.blob_id.in_(part))
        new = insert_absent(session, ZeroReference)
        session.connection().execute(new.from_select(["repository_id", "project_id", "since", "blob_id"], idle))


def age_queue(session: Session, *, repository_id: int, blob_ids: Sequence[int], window_ms: int) -> None:
    """Make the repository's queue rows of the blobs as old as the time window; a claim still protects a blob."""
    for part in parts(blob_ids):
        own = (_QUEUE.c.repository_id == repository_id, _QUEUE.c.blob_id.in_(part))
        session.connection().execute(sa.update(_QUEUE).where(*own).values(since=clock_ms() - window_ms))


def take_from_queue(session: Session, queue_ids: Sequence[int]) -> None:
    """Delete rows of the queue, and remove their blobs from the repositories whose artifacts do not refer to them."""
    idle = reachability.idle_holdings_of_queue(queue_ids)
    session.connection().execute(sa.delete(_HOLDING).where(_HOLDING.c.id.in_(idle)))
    session.connection().execute(sa.delete(_QUEUE).where(_QUEUE.c.id.in_(queue_ids)))


def lock_blobs(session: Session, blobs: sa.Select[Any]) -> list[int]:
    """Lock the blobs (a SELECT of ids) until the commit, so that no push refers to them meanwhile; return their ids."""
    statement = sa.select(Blob.id).where(Blob.id.in_(blobs)).order_by(Blob.id).with_for_update()
    return list(session.connection().execute(statement).scalars())


def lock_live_blobs(session: Session, blob_ids: Sequence[int]) -> dict[int, str]:
    """Lock those of the blobs, in order of their ids, that are live and whole against deletion; return their digests.

    Others may lock them the same way meanwhile.
    """
    return {
        row.id: row.digest for part in parts(blob_ids) for row in session.connection().execute(_SHARED, {"blobs": part})
    }


def _insert(session: Session, statements: Mapping[str, sa.Insert], values: Mapping[str, object]) -> bool:
    """Insert the row; return False when it exists already."""
    return bool(run(session, statements[session.get_bind().dialect.name], values))


_HOLDING: Final = cast("sa.Table", RepositoryBlob.__table__)
_QUEUE: Final = cast("sa.Table", ZeroReference.__table__)
_REPOSITORY_ID: Final = sa.bindparam("repository_id", type_=sa.BigInteger)
_PROJECT_ID: Final = sa.bindparam("project_id", type_=sa.BigInteger)
_BLOB_ID: Final = sa.bindparam("blob_id", type_=sa.BigInteger)
_ARTIFACT: Final = sa.bindparam("artifact", type_=sa.BigInteger)
_PLACE: Final = ("artifact_id", "repository_id", "project_id")
_NEW_REFERENCES: Final = sa.insert(cast("sa.Table", ArtifactBlob.__table__)).from_select(
    [*_PLACE, "blob_id"],
    sa.select(*(sa.bindparam(name, type_=sa.BigInteger) for name in _PLACE), Blob.id)
    .where(Blob.id.in_(sa.bindparam("blobs", expanding=True)))
    .order_by(Blob.id),
)
_NEW_HOLDING: Final = absent_inserts(RepositoryBlob, "repository_id", "blob_id")
_NEW_HOLDINGS: Final = absent_selects(
    RepositoryBlob,
    "repository_id",
    "blob_id",
    rows=sa.select(_REPOSITORY_ID, Blob.id).where(Blob.id.in_(sa.bindparam("blobs", expanding=True))).order_by(Blob.id),
)
_SHARED: Final = (
    sa.select(Blob.id, Blob.digest)
    .where(Blob.id.in_(sa.bindparam("blobs", expanding=True)), IS_LIVE, ~IS_QUARANTINED)
    .order_by(Blob.id)
    .with_for_update(read=True, key_share=True)
)
_NEW_CHARGE: Final = absent_inserts(ProjectBlob, "project_id", "blob_id")
_NEW_QUEUED: Final = absent_inserts(ZeroReference, "repository_id", "project_id", "blob_id", since=clock_ms())
_NEW_IDLE: Final = absent_selects(
    ZeroReference,
    "repository_id",
    "project_id",
    "since",
    "blob_id",
    rows=sa.select(_REPOSITORY_ID, _PROJECT_ID, clock_ms(), _BLOB_ID).where(
        ~reachability.referenced(_BLOB_ID, repository=_REPOSITORY_ID)
    ),
)
_CHARGE: Final = absent_selects(
    ProjectBlob,
    "project_id",
    "blob_id",
    rows=reachability.uncharged_references(sa.bindparam("project", type_=sa.BigInteger), _ARTIFACT),
)
_LEAVE: Final = sa.delete(_QUEUE).where(
    _QUEUE.c.repository_id == sa.bindparam("repository"),
    _QUEUE.c.blob_id.in_(reachability.blobs_of_artifact(_ARTIFACT)),
)
_SIZE: Final = sa.select(sa.func.sum(Blob.size)).where(Blob.id.in_(sa.bindparam("blobs", expanding=True)))
