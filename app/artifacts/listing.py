"""Views of artifacts; tags, references and accessories of a whole page take one query each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.artifacts.accessory_rows import inherited_accessories
from app.artifacts.contributors import RowSlot
from app.artifacts.immutable_tags import STATUS, marked
from app.artifacts.label_rows import ARTIFACTS, labels_of
from app.artifacts.models import Accessory, Artifact, ArtifactChild, Repository, Standing, Tag
from app.artifacts.shares import Shares
from app.artifacts.views import AccessoryView, ArtifactView, ReferenceView, TagView
from app.db.contributions import Contributors
from app.db.documents import document_bytes, within, without_member
from app.db.id_lists import among
from app.db.plans import run

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The requested parts of artifacts; the number of queries depends on them, not on the number of artifacts."""

    tags: bool = True
    accessories: bool = False
    inherited: bool = False
    """The accessories of indexes that list the artifact."""
    labels: bool = False
    parameters: frozenset[str] = frozenset()
    """The names of the query parameters that are true; some slots are shown only with one."""


def artifact_views(
    session: Session, artifact_ids: Sequence[int], parts: Parts, shares: Shares, slots: Contributors[RowSlot]
) -> list[ArtifactView]:
    """Return the views of the artifacts in the order of ``artifact_ids``, shortened to their shares.

    Artifacts that do not exist are omitted. The query of the artifacts also returns what the slots show.
    """
    shown = [slot for slot in slots if not slot.parameter or slot.parameter in parts.parameters]
    statement = slots.statement(_ROWS, shown)
    rows = {row.id: row for row in _read(session, statement, artifact_ids, shares, _LIMITS)}
    ids = list(rows)
    references = grouped(ReferenceView, _read(session, _REFERENCES, ids, shares, _ENTRY_LIMITS), "parent_id")
    tags = _tags(session, ids, shares, parts) if parts.tags else {}
    attached = _read(session, _ACCESSORIES, ids, shares, ("accessories",)) if parts.accessories else ()
    accessories = grouped(AccessoryView, attached, "subject_artifact_id")
    inherited = inherited_accessories(session, ids, shares) if parts.inherited else {}
    labels = labels_of(session, ARTIFACTS, ids, shares) if parts.labels else {}
    return [
        ArtifactView(
            **dict(zip(_ROW_NAMES, rows[artifact_id], strict=False)),
            slots={slot.name: value for slot in shown if (value := slot.value(rows[artifact_id])) is not None},
            references=references.get(artifact_id, ()),
            tags=tags.get(artifact_id, ()),
            accessories=accessories.get(artifact_id, ()),
            inherited_accessories=inherited.get(artifact_id),
            labels=labels.get(artifact_id, ()),
        )
        for artifact_id in artifact_ids
        if artifact_id in rows
    ]


def _tags(session: Session, ids: Sequence[int], shares: Shares, parts: Parts) -> dict[int, tuple[TagView, ...]]:
    tags = grouped(TagView, _read(session, _TAGS, ids, shares, ("tags",)), "artifact_id")
    if STATUS not in parts.parameters:
        return tags
    groups: dict[int, list[TagView]] = {}
    for tag in marked(session, [tag for own in tags.values() for tag in own]):
        groups.setdefault(tag.artifact_id, []).append(tag)
    return {artifact_id: tuple(own) for artifact_id, own in groups.items()}


def _read(
    session: Session, statement: sa.Executable, ids: Sequence[int], shares: Shares, limits: Sequence[str]
) -> Sequence[sa.Row[Any]]:
    """Return the statement's rows for the artifacts, within the shares that it has as parameters."""
    if not ids:
        return ()
    return run(session, statement, {"ids": list(ids)} | {limit: getattr(shares, limit) for limit in limits})


def grouped(view: type[T], rows: Sequence[sa.Row[Any]], key: str) -> dict[int, tuple[T, ...]]:
    """Return the rows as views, grouped by the id in their column ``key``; groups keep the given order."""
    groups: dict[int, list[T]] = {}
    for row in rows:
        groups.setdefault(getattr(row, key), []).append(view(**row._asdict()))
    return {owner: tuple(views) for owner, views in groups.items()}


def _most(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, type_=sa.BigInteger)


_LIMITS: Final = ("manifest", "annotations", "facts")
_ENTRY_LIMITS: Final = ("manifest", "entry", "references")
_ATTACHED = aliased(Artifact)
_SUBJECT = aliased(Artifact)
_PARENT = aliased(Artifact)
_SHORTENED = without_member(Artifact.extra_attrs, sa.literal("config", sa.String))
"""The facts of a config without their largest member, ``config``: how to start a container."""
_ROWS = (
    sa.select(
        Artifact.id,
        Artifact.project_id,
        Artifact.repository_id,
        Repository.name.label("repository_name"),
        Artifact.digest,
        Artifact.kind,
        Artifact.manifest_media_type,
        Artifact.media_type,
        Artifact.artifact_type,
        Artifact.size,
        sa.case(
            (Artifact.manifest_size <= _most("manifest"), within(Artifact.annotations, _most("annotations"))),
        ).label("annotations"),
        sa.case(
            (document_bytes(Artifact.extra_attrs) <= _most("facts"), Artifact.extra_attrs),
            else_=within(_SHORTENED, _most("facts")),
        ).label("extra_attrs"),
        Artifact.push_time,
        Artifact.pull_time,
    )
    .join(Repository, Repository.id == Artifact.repository_id)
    .where(among(Artifact.id))
)
_ROW_NAMES: Final = tuple(_ROWS.selected_columns.keys())
"""The names of the artifact's own columns; the columns of slots follow them."""
_NUMBERED_TAGS = (
    sa.select(
        Tag.id,
        sa.func.row_number()
        .over(partition_by=Tag.artifact_id, order_by=(Tag.push_time.desc(), Tag.id.desc()))
        .label("place"),
    )
    .where(among(Tag.artifact_id))
    .subquery()
)
_TAGS = (
    sa.select(Tag.id, Tag.repository_id, Tag.artifact_id, Tag.name, Tag.push_time, Tag.pull_time)
    .join(_NUMBERED_TAGS, _NUMBERED_TAGS.c.id == Tag.id)
    .where(_NUMBERED_TAGS.c.place <= _most("tags"))
    .order_by(Tag.push_time.desc(), Tag.id.desc())
)
"""Newest first."""
_REFERENCES = (
    sa.select(
        ArtifactChild.parent_id,
        ArtifactChild.child_id,
        Artifact.digest.label("child_digest"),
        *(
            sa.case((_PARENT.manifest_size <= _most("manifest"), within(column, _most("entry")))).label(column.key)
            for column in (ArtifactChild.platform, ArtifactChild.annotations)
        ),
    )
    .join(Artifact, Artifact.id == ArtifactChild.child_id)
    .join(_PARENT, _PARENT.id == ArtifactChild.parent_id)
    .where(among(ArtifactChild.parent_id), ArtifactChild.position < _most("references"))
    .order_by(ArtifactChild.parent_id, ArtifactChild.position)
)
_NUMBERED_ACCESSORIES = (
    sa.select(
        Accessory.id,
        _SUBJECT.id.label("subject_id"),
        sa.func.row_number().over(partition_by=_SUBJECT.id, order_by=Accessory.id).label("place"),
    )
    .join(
        _SUBJECT,
        sa.and_(_SUBJECT.repository_id == Accessory.repository_id, _SUBJECT.digest == Accessory.subject_digest),
    )
    .join(_ATTACHED, _ATTACHED.id == Accessory.artifact_id)
    .where(among(_SUBJECT.id), _ATTACHED.standing == Standing.ACCESSORY)
    .subquery()
)
_ACCESSORIES = (
    sa.select(
        Accessory.id,
        Accessory.artifact_id,
        _NUMBERED_ACCESSORIES.c.subject_id.label("subject_artifact_id"),
        Accessory.subject_digest.label("subject_artifact_digest"),
        Repository.name.label("subject_artifact_repo"),
        Artifact.size,
        Artifact.digest,
        Accessory.kind,
        Accessory.creation_time,
    )
    .join(_NUMBERED_ACCESSORIES, _NUMBERED_ACCESSORIES.c.id == Accessory.id)
    .join(Artifact, Artifact.id == Accessory.artifact_id)
    .join(Repository, Repository.id == Accessory.repository_id)
    .where(_NUMBERED_ACCESSORIES.c.place <= _most("accessories"))
    .order_by(Accessory.id)
)
"""Oldest first."""
