"""What a project is charged for, and the queue of what no artifact of a repository refers to any more."""

from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import ArtifactBlob, ProjectBlob, Repository, RepositoryBlob
from app.artifacts.repositories import RepositoryRef
from app.db.conflict import absent_selects, insert_absent
from app.db.parts import parts
from app.db.plans import run
from app.db.types import clock_ms
from app.storage.models import Blob, ZeroReference


def charge_artifact(session: Session, *, project_id: int, artifact_id: int) -> int:
    """Charge the project for the artifact's blobs that it is not charged for yet; returns their bytes."""
    place = {"project": project_id, "artifact": artifact_id}
    charged = run(session, _CHARGE[session.get_bind().dialect.name], place)
    return _bytes(session, [row.blob_id for row in charged])


def leave_queue(session: Session, *, repository_id: int, artifact_id: int) -> None:
    """The artifact's blobs are referred to from now on."""
    run(session, _LEAVE, {"repository": repository_id, "artifact": artifact_id})


def enter_queue(session: Session, *, repository: RepositoryRef, blob_ids: Sequence[int]) -> None:
    """Queue those of the blobs that the repository holds and no artifact of it refers to."""
    for part in parts(blob_ids):
        idle = sa.select(
            sa.literal(repository.id), sa.literal(repository.project_id), RepositoryBlob.blob_id, clock_ms()
        ).where(
            RepositoryBlob.repository_id == repository.id,
            RepositoryBlob.blob_id.in_(part),
            ~_used_in(repository.id),
        )
        session.connection().execute(
            insert_absent(session, ZeroReference).from_select(["repository_id", "project_id", "blob_id", "since"], idle)
        )


def release_blobs(session: Session, *, project_id: int, blob_ids: Sequence[int], held: bool = False) -> int:
    """Stop charging the project for those blobs that no artifact of it refers to; returns their bytes.

    With ``held`` a blob stays charged as well while a repository of the project holds it.
    """
    conditions = [ProjectBlob.project_id == project_id, ~_referred(project_id)]
    if held:
        conditions.append(~_held(project_id))
    released = 0
    for part in parts(blob_ids):
        statement = sa.delete(ProjectBlob).where(ProjectBlob.blob_id.in_(part), *conditions)
        gone = session.connection().execute(statement.returning(ProjectBlob.blob_id)).scalars().all()
        released += _bytes(session, gone)
    return released


def lock_blobs(session: Session, blobs: sa.Select[Any]) -> list[int]:
    """Lock the blobs (a SELECT of ids) until commit, so that no push counts on them meanwhile; returns their ids."""
    statement = sa.select(Blob.id).where(Blob.id.in_(blobs)).order_by(Blob.id).with_for_update()
    return list(session.connection().execute(statement).scalars())


def _used_in(repository_id: int) -> sa.Exists:
    return sa.exists().where(
        ArtifactBlob.blob_id == RepositoryBlob.blob_id, ArtifactBlob.repository_id == repository_id
    )


def _referred(project_id: int) -> sa.Exists:
    return sa.exists().where(ArtifactBlob.blob_id == ProjectBlob.blob_id, ArtifactBlob.project_id == project_id)


def _held(project_id: int) -> sa.Exists:
    return sa.exists().where(
        RepositoryBlob.blob_id == ProjectBlob.blob_id,
        RepositoryBlob.repository_id == Repository.id,
        Repository.project_id == project_id,
    )


def _bytes(session: Session, blob_ids: Sequence[int]) -> int:
    sizes = [session.connection().execute(_SIZE, {"blobs": part}).scalar_one() for part in parts(blob_ids)]
    return sum(int(size or 0) for size in sizes)


_OF_ARTIFACT = ArtifactBlob.artifact_id == sa.bindparam("artifact")
_PROJECT = sa.bindparam("project", type_=sa.BigInteger)
_CHARGE = absent_selects(
    ProjectBlob,
    "project_id",
    "blob_id",
    rows=sa.select(_PROJECT, ArtifactBlob.blob_id).where(
        _OF_ARTIFACT,
        ~sa.exists().where(ProjectBlob.project_id == _PROJECT, ProjectBlob.blob_id == ArtifactBlob.blob_id),
    ),
)
_QUEUE = cast("sa.Table", ZeroReference.__table__)
_LEAVE = sa.delete(_QUEUE).where(
    _QUEUE.c.repository_id == sa.bindparam("repository"),
    _QUEUE.c.blob_id.in_(sa.select(ArtifactBlob.blob_id).where(_OF_ARTIFACT)),
)
_SIZE = sa.select(sa.func.sum(Blob.size)).where(Blob.id.in_(sa.bindparam("blobs", expanding=True)))
