"""The standing of artifacts, that is, whether lists show them by themselves: its rule, and its update after changes."""

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.artifacts.models import Accessory, Artifact, Standing, Tag
from app.artifacts.reachability import listed_by_index, names_subject, tagged
from app.db.parts import parts
from app.db.plans import run
from app.oci.accessory_tags import LENGTHS, PREFIX, STEM


def settle(session: Session, artifact_ids: Iterable[int]) -> int:
    """Update the standing of artifacts that a change may affect; return how many more are LISTED than before.

    A new or deleted artifact affects itself, its children and ``described_by_tag``; a changed tag affects the artifacts
    that it points or pointed at. The caller must have locked the repository's row.
    """
    more = 0
    for part in parts(sorted(set(artifact_ids))):
        changed: dict[str, list[int]] = {}
        for row in run(session, _CHANGED, {"ids": part}):
            changed.setdefault(row.due, []).append(row.id)
            more += (row.due == Standing.LISTED) - (row.standing == Standing.LISTED)
        for standing, ids in changed.items():
            session.connection().execute(_SET, {"ids": ids, "due": standing})
    return more


def described_by_tag(session: Session, repository_id: int, digests: Iterable[str]) -> list[int]:
    """Return the ids of the artifacts that tags make accessories of the digests, which need not exist."""
    return [
        row.artifact_id
        for part in parts(digests)
        for row in run(session, _ABOUT, {"repository": repository_id, "digests": part})
    ]


def tagged_for_itself(artifact: sa.SQLColumnExpression[int]) -> sa.Exists:
    """Return the condition that the artifact has a tag besides those that name it as an accessory."""
    names_accessory = sa.and_(
        sa.func.substr(Tag.name, 1, len(PREFIX)) == PREFIX, sa.func.length(Tag.name).in_(sorted(LENGTHS))
    )
    return tagged(artifact, ~names_accessory)


def tagged_beside(artifact: sa.SQLColumnExpression[int], subject: sa.SQLColumnExpression[str]) -> sa.Exists:
    """Return the condition that the artifact has a tag besides those that name it as an accessory of ``subject``."""
    stem = sa.func.replace(subject, ":", "-")
    return tagged(artifact, sa.func.substr(Tag.name, 1, STEM) != stem)


_SUBJECT = aliased(Artifact)
_by_tag = sa.exists().where(
    Accessory.artifact_id == Artifact.id,
    Accessory.by_tag,
    sa.exists().where(_SUBJECT.repository_id == Accessory.repository_id, _SUBJECT.digest == Accessory.subject_digest),
)
RULE: Final = sa.case(
    (sa.or_(names_subject(Artifact.id), sa.and_(_by_tag, ~tagged_for_itself(Artifact.id))), Standing.ACCESSORY),
    (sa.and_(listed_by_index(Artifact.id), ~tagged(Artifact.id)), Standing.CHILD),
    else_=Standing.LISTED,
)
"""The standing that an artifact should have.

An accessory names a subject in its manifest, or has no tags but those that name it as an accessory, of an artifact
that exists. A child is listed by an index and has no tag.
"""
_IDS: sa.BindParameter[list[int]] = sa.bindparam("ids", expanding=True)
_CHANGED = sa.select(Artifact.id, Artifact.standing, RULE.label("due")).where(
    Artifact.id.in_(_IDS), Artifact.standing != RULE
)
_SET = sa.update(Artifact).where(Artifact.id.in_(_IDS)).values(standing=sa.bindparam("due"))
_ABOUT = sa.select(Accessory.artifact_id).where(
    Accessory.repository_id == sa.bindparam("repository"),
    Accessory.subject_digest.in_(sa.bindparam("digests", expanding=True)),
    Accessory.by_tag,
)
