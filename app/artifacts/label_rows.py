"""The labels of artifacts and repositories: shown for a page by one query, filtered by, added and removed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.artifacts.models import Artifact, ArtifactLabel, Repository, RepositoryLabel
from app.artifacts.shares import Shares
from app.core.errors import ConflictError, InvalidError, LimitError, NotFoundError
from app.core.query import AllOf, ListQuery
from app.db.id_lists import among
from app.db.locks import hold_names
from app.db.plans import run
from app.labels.models import Label
from app.labels.results import LabelView
from app.labels.rows import COLUMNS, view_of

MOST_LABELS: Final = 50
"""The most labels of one artifact or repository."""
_KEY: Final = "labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What can have labels: artifacts or repositories, with the statements for their labels."""

    noun: str
    owner: InstrumentedAttribute[int]
    """The id of an artifact or repository in the table of its labels."""
    label: InstrumentedAttribute[int]
    row: InstrumentedAttribute[int]
    """The id in the table of artifacts or repositories."""
    shown: sa.Executable
    held: sa.Executable
    insert: sa.Executable
    delete: sa.Executable
    """Returns a row if there was one."""


def labels_of(
    session: Session, labelled: Labelled, owner_ids: Sequence[int], shares: Shares
) -> Mapping[int, tuple[LabelView, ...]]:
    """Return the labels of each artifact or repository by its id, oldest label first, by one query.

    There are at most ``shares.labels`` of each, and longer descriptions than ``shares.label_text`` are empty.
    """
    if not owner_ids:
        return {}
    parameters = {"ids": list(owner_ids), "labels": shares.labels, "label_text": shares.label_text}
    rows = run(session, labelled.shown, parameters)
    return {owner: tuple(map(view_of, group)) for owner, group in groupby(rows, key=lambda row: int(row.owner_id))}


def label_conditions(query: ListQuery, labelled: Labelled) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of ``labels=(1 2)``, which select what has all of the labels.

    Raise InvalidError for anything but a list of at most MOST_LABELS ids.
    """
    label_ids: set[int] = set()
    for condition in query.values(_KEY):
        ids = condition.values if isinstance(condition, AllOf) else ("",)
        if not all(isinstance(label_id, int) for label_id in ids):
            raise InvalidError("labels must be a list of label ids, as in labels=(1 2)")
        label_ids.update(int(str(label_id)) for label_id in ids)
    if len(label_ids) > MOST_LABELS:
        raise InvalidError(f"labels must be a list of at most {MOST_LABELS} label ids")
    return [
        sa.exists().where(labelled.owner == labelled.row, labelled.label == label_id).correlate(labelled.row.class_)
        for label_id in sorted(label_ids)
    ]


def add_label(session: Session, labelled: Labelled, owner_id: int, label: LabelView) -> None:
    """Add the label; raise ConflictError when it is there, LimitError when there are MOST_LABELS of them."""
    hold_names(session, f"labels of {labelled.noun} {owner_id}")
    held = {row.label_id for row in session.connection().execute(labelled.held, {"owner": owner_id}).all()}
    if label.id in held:
        raise ConflictError(f"the {labelled.noun} has the label {label.name} already")
    if len(held) >= MOST_LABELS:
        raise LimitError(f"the {labelled.noun} has {MOST_LABELS} labels already, which is the most")
    session.connection().execute(labelled.insert, {"owner": owner_id, "label": label.id})


def remove_label(session: Session, labelled: Labelled, owner_id: int, label_id: int) -> None:
    """Remove the label; raise NotFoundError when it is not there."""
    if not session.connection().execute(labelled.delete, {"owner": owner_id, "label": label_id}).all():
        raise NotFoundError(f"the {labelled.noun} has no label {label_id}")


def _labelled(
    noun: str,
    owner: InstrumentedAttribute[int],
    label: InstrumentedAttribute[int],
    row: InstrumentedAttribute[int],
) -> Labelled:
    its_own = owner == sa.bindparam("owner", type_=sa.BigInteger)
    given = label == sa.bindparam("label", type_=sa.BigInteger)
    return Labelled(
        noun=noun,
        owner=owner,
        label=label,
        row=row,
        shown=_shown(owner, label),
        held=sa.select(label.label("label_id")).where(its_own),
        insert=sa.insert(owner.class_.__table__).values(
            {owner.key: sa.bindparam("owner"), label.key: sa.bindparam("label")}
        ),
        delete=sa.delete(owner.class_).where(its_own, given).returning(label.label("label_id")),
    )


def _shown(owner: InstrumentedAttribute[int], label: InstrumentedAttribute[int]) -> sa.Select[*tuple[Any, ...]]:
    """Return the statement for the labels of the artifacts or repositories ``ids``, numbered along the primary key."""
    numbered = (
        sa.select(
            owner.label("owner_id"),
            label.label("label_id"),
            sa.func.row_number().over(partition_by=owner, order_by=label).label("place"),
        )
        .where(among(owner))
        .subquery("numbered")
    )
    short = sa.func.length(Label.description) <= sa.bindparam("label_text", type_=sa.BigInteger)
    return (
        sa.select(
            numbered.c.owner_id,
            *(column for column in COLUMNS if column is not Label.description),
            sa.case((short, Label.description), else_="").label("description"),
        )
        .join(Label, Label.id == numbered.c.label_id)
        .where(numbered.c.place <= sa.bindparam("labels", type_=sa.BigInteger))
        .order_by(numbered.c.owner_id, numbered.c.label_id)
    )


ARTIFACTS: Final = _labelled("artifact", ArtifactLabel.artifact_id, ArtifactLabel.label_id, Artifact.id)
REPOSITORIES: Final = _labelled("repository", RepositoryLabel.repository_id, RepositoryLabel.label_id, Repository.id)
