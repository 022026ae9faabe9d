"""The conditions of ``q`` on artifacts: columns, tags, labels, and the name of the repository."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from app.artifacts.label_rows import ARTIFACTS, label_conditions
from app.artifacts.models import Artifact, Repository, Tag
from app.artifacts.reachability import tagged
from app.core.errors import InvalidError
from app.core.query import AnyOf, Condition, Exact, Fuzzy, ListQuery, Term
from app.db.listing import Columns, conditions, contains

COLUMNS: Final[Columns] = {
    "id": Artifact.id,
    "project_id": Artifact.project_id,
    "repository_id": Artifact.repository_id,
    "digest": Artifact.digest,
    "type": Artifact.kind,
    "media_type": Artifact.media_type,
    "manifest_media_type": Artifact.manifest_media_type,
    "artifact_type": Artifact.artifact_type,
    "size": Artifact.size,
    "push_time": Artifact.push_time,
    "pull_time": Artifact.pull_time,
}
"""What artifacts can be filtered and sorted by."""
_NAME: Final[Columns] = {"repository_name": Repository.name}
_LOWER: Final = frozenset({"digest", "repository_name"})
_TAGS: Final = "tags"
_MOST_TAG_TERMS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the registry whose artifacts are listed."""

    artifacts: sa.ColumnElement[bool]
    """The condition on Artifact."""
    tags: sa.ColumnElement[bool]
    """The condition on Tag that selects the tags of these artifacts, and may select others."""


def artifact_conditions(query: ListQuery, part: Part) -> list[sa.ColumnElement[bool]]:
    """Return the query's conditions on the artifacts of the part; none when it has no term that is known.

    Raises InvalidError for a value that does not fit, and for too many conditions on tags.
    """
    tag_terms = list(dict.fromkeys(query.values(_TAGS)))
    if len(tag_terms) > _MOST_TAG_TERMS:
        raise InvalidError(f"tags must have at most {_MOST_TAG_TERMS} conditions")
    return [
        *conditions(query, COLUMNS, _LOWER),
        *(_by_tag(condition, part) for condition in tag_terms),
        *label_conditions(query, ARTIFACTS),
        *_by_name(query),
    ]


def _by_tag(condition: Condition, part: Part) -> sa.ColumnElement[bool]:
    match condition:
        case Exact(value="*"):
            return tagged(Artifact.id)
        case Exact(value="nil"):
            return ~tagged(Artifact.id)
        case Exact(value=value):
            return _pointed_at(part, Tag.name == str(value))
        case AnyOf(values=values):
            return _pointed_at(part, Tag.name.in_([str(value) for value in values]))
        case Fuzzy(text=text):
            return _pointed_at(part, contains(Tag.name, text))
        case _:
            raise InvalidError("tags must be a tag, a part of one as in tags=~1.2, some as in tags={a b}, * or nil")


def _pointed_at(part: Part, name: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition that a tag of such a name points at the artifact; the database can start with the tags."""
    return Artifact.id.in_(sa.select(Tag.artifact_id).where(part.tags, name))


def _by_name(query: ListQuery) -> Iterator[sa.ColumnElement[bool]]:
    terms = tuple(Term(key=name, condition=condition) for name in _NAME for condition in query.values(name))
    if terms:
        named = conditions(ListQuery(terms=terms), _NAME, _LOWER)
        yield Artifact.repository_id.in_(sa.select(Repository.id).where(*named))
