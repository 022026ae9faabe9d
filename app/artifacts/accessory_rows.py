"""Rows of accessories as the management API shows them, and the accessories of the indexes that list an artifact."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.artifacts.models import Accessory, Artifact, ArtifactChild, Repository, Standing
from app.artifacts.shares import Shares
from app.artifacts.views import AccessoryView
from app.db.id_lists import among
from app.db.plans import run


def inherited_accessories(
    session: Session, artifact_ids: Sequence[int], shares: Shares
) -> Mapping[int, tuple[AccessoryView, ...]]:
    """Return the accessories of the indexes that list the artifacts, by the artifact's id, oldest first.

    There are at most ``shares.accessories`` for each.
    """
    if not artifact_ids:
        return {}
    rows = run(session, _INHERITED, {"ids": artifact_ids, "accessories": shares.accessories})
    return {heir: tuple(map(_inherited, group)) for heir, group in groupby(rows, key=lambda row: int(row.heir_id))}


def _inherited(row: sa.Row[Any]) -> AccessoryView:
    return AccessoryView(**{name: value for name, value in row._asdict().items() if name != "heir_id"})


def shown(subject: sa.SQLColumnExpression[int]) -> tuple[Any, ...]:
    """Return what an AccessoryView is made of."""
    return (
        Accessory.id,
        Accessory.artifact_id,
        subject.label("subject_artifact_id"),
        Accessory.subject_digest.label("subject_artifact_digest"),
        Repository.name.label("subject_artifact_repo"),
        Artifact.size,
        Artifact.digest,
        Accessory.kind,
        Accessory.creation_time,
    )


_SUBJECT = aliased(Artifact)
_ATTACHED = aliased(Artifact)
_NUMBERED = (
    sa.select(
        ArtifactChild.child_id.label("heir_id"),
        _SUBJECT.id.label("subject_id"),
        Accessory.id.label("accessory_id"),
        sa.func.row_number().over(partition_by=ArtifactChild.child_id, order_by=Accessory.id).label("place"),
    )
    .select_from(ArtifactChild)
    .join(_SUBJECT, _SUBJECT.id == ArtifactChild.parent_id)
    .join(
        Accessory,
        sa.and_(Accessory.repository_id == _SUBJECT.repository_id, Accessory.subject_digest == _SUBJECT.digest),
    )
    .join(_ATTACHED, _ATTACHED.id == Accessory.artifact_id)
    .where(among(ArtifactChild.child_id), _ATTACHED.standing == Standing.ACCESSORY)
    .subquery("numbered")
)
_INHERITED = (
    sa.select(_NUMBERED.c.heir_id, *shown(_NUMBERED.c.subject_id))
    .select_from(_NUMBERED)
    .join(Accessory, Accessory.id == _NUMBERED.c.accessory_id)
    .join(Artifact, Artifact.id == Accessory.artifact_id)
    .join(Repository, Repository.id == Accessory.repository_id)
    .where(_NUMBERED.c.place <= sa.bindparam("accessories", type_=sa.BigInteger))
    .order_by(_NUMBERED.c.heir_id, Accessory.id)
)
