"""Which artifacts a list shows, and their details: one query per kind of detail, however long the page."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import ColumnElement

from app.artifacts.models import Accessory, Artifact, ArtifactChild, Tag
from app.artifacts.shown import AccessoryView, ArtifactView, Details, ReferenceView, TagView
from app.core.errors import InvalidError
from app.core.query import AllOf, AnyOf, Condition, Exact, Fuzzy, ListQuery
from app.db.listing import Columns, contains

COLUMNS: Columns = {
    "id": Artifact.id,
    "type": Artifact.kind,
    "digest": Artifact.digest,
    "size": Artifact.size,
    "push_time": Artifact.push_time,
    "pull_time": Artifact.pull_time,
    "media_type": Artifact.media_type,
    "manifest_media_type": Artifact.manifest_media_type,
    "artifact_type": Artifact.artifact_type,
}
NEWEST = (Artifact.push_time.desc(), Artifact.id.desc())
ROWS = sa.select(
    Artifact.id,
    Artifact.kind,
    Artifact.media_type,
    Artifact.manifest_media_type,
    Artifact.artifact_type,
    Artifact.project_id,
    Artifact.repository_id,
    Artifact.digest,
    Artifact.size,
    Artifact.push_time,
    Artifact.pull_time,
    Artifact.extra_attrs,
    Artifact.annotations,
)
_Subject = aliased(Artifact)
_TAGGED = sa.exists().where(Tag.artifact_id == Artifact.id)
_LISTED = sa.exists().where(ArtifactChild.child_id == Artifact.id)
_ATTACHED = sa.exists().where(
    Accessory.artifact_id == Artifact.id,
    _Subject.repository_id == Accessory.repository_id,
    _Subject.digest == Accessory.subject_digest,
)
_EVERYTHING = Exact(value="*")


def shown(query: ListQuery) -> list[ColumnElement[bool]]:
    """Conditions beyond the columns: ``tags``, ``labels``, and ``base=*`` for children of indexes and accessories too.

    Without ``base`` a list leaves out what is shown within another artifact: untagged entries of indexes, and
    accessories whose subject is here.
    """
    wanted = [_tagged(condition) for condition in query.values("tags")]
    wanted += [_labelled(condition) for condition in query.values("labels")]
    if _EVERYTHING not in query.values("base"):
        wanted += [sa.or_(_TAGGED, ~_LISTED), ~_ATTACHED]
    return wanted


def views_of(session: Session, repository: str, rows: Sequence[Any], details: Details) -> list[ArtifactView]:
    """The artifacts of these rows of ROWS, in their order."""
    ids = [row.id for row in rows]
    references = _references(session, ids)
    tags = _tags(session, ids) if details.tags else {}
    accessories = _accessories(session, repository, rows) if details.accessories else {}
    return [
        ArtifactView(
            **row._asdict(),
            repository_name=repository,
            references=references.get(row.id),
            tags=tags.get(row.id),
            accessories=accessories.get(row.digest),
        )
        for row in rows
    ]


def _tagged(condition: Condition) -> ColumnElement[bool]:
    match condition:
        case Exact(value="*"):
            return _TAGGED
        case Exact(value="nil"):
            return ~_TAGGED
        case Exact(value=value):
            return _TAGGED.where(Tag.name == str(value))
        case Fuzzy(text=text):
            return _TAGGED.where(contains(Tag.name, text))
        case AnyOf(values=values):
            return _TAGGED.where(Tag.name.in_([str(value) for value in values]))
        case _:
            raise InvalidError("tags can be asked for as tags=name, tags=~text, tags=* or tags=nil")


def _labelled(condition: Condition) -> ColumnElement[bool]:
    if not isinstance(condition, AllOf) or not all(isinstance(value, int) for value in condition.values):
        raise InvalidError("labels can be asked for as labels=(1 2)")
    return sa.false() if condition.values else sa.true()


def _tags(session: Session, ids: Sequence[int]) -> dict[int, list[TagView]]:
    tags: dict[int, list[TagView]] = {}
    for row in session.execute(_TAGS, {"ids": list(ids)}):
        tags.setdefault(row.artifact_id, []).append(TagView(**row._asdict()))
    return tags


def _references(session: Session, ids: Sequence[int]) -> dict[int, list[ReferenceView]]:
    references: dict[int, list[ReferenceView]] = {}
    for row in session.execute(_REFERENCES, {"ids": list(ids)}):
        references.setdefault(row.parent_id, []).append(ReferenceView(**row._asdict()))
    return references


def _accessories(session: Session, repository: str, rows: Sequence[Any]) -> dict[str, list[AccessoryView]]:
    subjects = {row.digest: row.id for row in rows}
    accessories: dict[str, list[AccessoryView]] = {}
    if not rows:
        return accessories
    wanted = {"repository": rows[0].repository_id, "digests": list(subjects)}
    for row in session.execute(_ACCESSORIES, wanted):
        accessories.setdefault(row.subject_artifact_digest, []).append(
            AccessoryView(
                **row._asdict(),
                subject_artifact_id=subjects[row.subject_artifact_digest],
                subject_artifact_repo=repository,
            )
        )
    return accessories


_TAGS = (
    sa.select(Tag.id, Tag.repository_id, Tag.artifact_id, Tag.name, Tag.push_time, Tag.pull_time)
    .where(Tag.artifact_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(Tag.push_time.desc(), Tag.id.desc())
)
_REFERENCES = (
    sa.select(
        ArtifactChild.parent_id,
        ArtifactChild.child_id,
        Artifact.digest.label("child_digest"),
        ArtifactChild.platform,
        ArtifactChild.annotations,
    )
    .join(Artifact, Artifact.id == ArtifactChild.child_id)
    .where(ArtifactChild.parent_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(ArtifactChild.parent_id, ArtifactChild.position)
)
_ACCESSORIES = (
    sa.select(
        Accessory.id,
        Accessory.artifact_id,
        Accessory.subject_digest.label("subject_artifact_digest"),
        Artifact.size,
        Artifact.digest,
        Accessory.kind,
        Accessory.creation_time,
    )
    .join(Artifact, Artifact.id == Accessory.artifact_id)
    .where(
        Accessory.repository_id == sa.bindparam("repository"),
        Accessory.subject_digest.in_(sa.bindparam("digests", expanding=True)),
    )
    .order_by(Accessory.id)
)
