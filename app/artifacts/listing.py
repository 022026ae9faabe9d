"""The list of artifacts and the view of one: tags, references and accessories of a whole page in one query each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.artifacts.models import Accessory, Artifact, ArtifactChild, Repository, Standing, Tag
from app.artifacts.views import AccessoryView, ArtifactView, ReferenceView, TagView
from app.core.errors import InvalidError
from app.core.paging import Listed
from app.core.query import AllOf, Exact, Fuzzy, ListQuery
from app.db.listing import Columns, conditions, contains, counted, order, paged

T = TypeVar("T")
_EVERYTHING = Exact(value="*")
_COLUMNS: Columns = {
    "id": Artifact.id,
    "digest": Artifact.digest,
    "type": Artifact.kind,
    "media_type": Artifact.media_type,
    "manifest_media_type": Artifact.manifest_media_type,
    "artifact_type": Artifact.artifact_type,
    "size": Artifact.size,
    "push_time": Artifact.push_time,
    "pull_time": Artifact.pull_time,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Which parts of artifacts are wanted; their number decides the number of queries, not the page's size."""

    tags: bool = True
    accessories: bool = False


def artifacts_of(session: Session, repository_id: int, query: ListQuery, wanted: Parts) -> Listed[ArtifactView]:
    """The page of the repository's artifacts, as in Harbor without accessories and untagged children of indexes.

    ``base=*`` asks for the children too, and nothing for accessories.
    """
    where = [Artifact.repository_id == repository_id, *conditions(query, _COLUMNS), *_by_tag(query), *_by_label(query)]
    with_children = _EVERYTHING in query.values("base")
    where.append(Artifact.standing != Standing.ACCESSORY if with_children else Artifact.standing == Standing.LISTED)
    total = counted(session, sa.select(Artifact.id).where(*where))
    ordered = order(query.sort, _COLUMNS, (Artifact.push_time.desc(), Artifact.id.desc()), Artifact.id)
    page = paged(sa.select(Artifact.id).where(*where).order_by(*ordered), query.page)
    ids = session.execute(page).scalars().all()
    return Listed(items=artifact_views(session, ids, wanted), total=total, page=query.page)


def artifact_views(session: Session, artifact_ids: Sequence[int], wanted: Parts) -> list[ArtifactView]:
    """Views of the artifacts in the order of their ids as given; ids that are gone are left out."""
    rows = {row.id: row for row in session.execute(_ROWS, {"ids": list(artifact_ids)})} if artifact_ids else {}
    references = grouped(references_of(session, list(rows)), "parent_id")
    tags = grouped(tags_of(session, list(rows)), "artifact_id") if wanted.tags else {}
    accessories = grouped(accessories_of(session, list(rows)), "subject_artifact_id") if wanted.accessories else {}
    return [
        ArtifactView(
            **rows[each]._asdict(),
            references=references.get(each, ()),
            tags=tags.get(each, ()),
            accessories=accessories.get(each, ()),
        )
        for each in artifact_ids
        if each in rows
    ]


def tags_of(session: Session, artifact_ids: Sequence[int]) -> list[TagView]:
    """The tags of the artifacts, newest first."""
    if not artifact_ids:
        return []
    return [TagView(**row._asdict()) for row in session.execute(_TAGS, {"ids": list(artifact_ids)})]


def references_of(session: Session, artifact_ids: Sequence[int]) -> list[ReferenceView]:
    """The entries of those artifacts that are indexes, in their order."""
    if not artifact_ids:
        return []
    return [ReferenceView(**row._asdict()) for row in session.execute(_REFERENCES, {"ids": list(artifact_ids)})]


def accessories_of(session: Session, artifact_ids: Sequence[int]) -> list[AccessoryView]:
    """The accessories of the artifacts, oldest first."""
    if not artifact_ids:
        return []
    return [AccessoryView(**row._asdict()) for row in session.execute(_ACCESSORIES, {"ids": list(artifact_ids)})]


def grouped(views: Sequence[T], key: str) -> dict[int, tuple[T, ...]]:
    """The views by one of their ids, each group in the order given."""
    by_id = sorted(views, key=lambda view: int(getattr(view, key)))
    return {number: tuple(group) for number, group in groupby(by_id, key=lambda view: int(getattr(view, key)))}


def _by_tag(query: ListQuery) -> list[sa.ColumnElement[bool]]:
    return [_tag_condition(condition) for condition in query.values("tags")]


def _by_label(query: ListQuery) -> list[sa.ColumnElement[bool]]:
    """No artifact has a label yet, so one that is asked for is on none."""
    asked = query.values("labels")
    if not all(isinstance(each, AllOf) and all(isinstance(label, int) for label in each.values) for each in asked):
        raise InvalidError("labels can be asked for as labels=(1 2)")
    return [sa.false()] if asked else []


def _tag_condition(condition: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - any of the query's conditions
    match condition:
        case Exact(value="*"):
            return _tagged()
        case Exact(value="nil"):
            return ~_tagged()
        case Exact(value=value):
            return _tagged(Tag.name == str(value))
        case Fuzzy(text=text):
            return _tagged(contains(Tag.name, text))
        case _:
            return sa.true()


def _tagged(*conditions: sa.ColumnElement[bool]) -> sa.Exists:
    return sa.exists().where(Tag.artifact_id == Artifact.id, *conditions)


_IDS: sa.BindParameter[list[int]] = sa.bindparam("ids", expanding=True)
_SUBJECT = aliased(Artifact)
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
        Artifact.annotations,
        Artifact.extra_attrs,
        Artifact.push_time,
        Artifact.pull_time,
    )
    .join(Repository, Repository.id == Artifact.repository_id)
    .where(Artifact.id.in_(_IDS))
)
_TAGS = (
    sa.select(Tag.id, Tag.repository_id, Tag.artifact_id, Tag.name, Tag.push_time, Tag.pull_time)
    .where(Tag.artifact_id.in_(_IDS))
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
    .where(ArtifactChild.parent_id.in_(_IDS))
    .order_by(ArtifactChild.parent_id, ArtifactChild.position)
)
_ACCESSORIES = (
    sa.select(
        Accessory.id,
        Accessory.artifact_id,
        _SUBJECT.id.label("subject_artifact_id"),
        Accessory.subject_digest.label("subject_artifact_digest"),
        Repository.name.label("subject_artifact_repo"),
        Artifact.size,
        Artifact.digest,
        Accessory.kind,
        Accessory.creation_time,
    )
    .join(Artifact, Artifact.id == Accessory.artifact_id)
    .join(Repository, Repository.id == Accessory.repository_id)
    .join(
        _SUBJECT,
        sa.and_(_SUBJECT.repository_id == Accessory.repository_id, _SUBJECT.digest == Accessory.subject_digest),
    )
    .where(_SUBJECT.id.in_(_IDS), Artifact.standing == Standing.ACCESSORY)
    .order_by(Accessory.id)
)
