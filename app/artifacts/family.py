"""What goes with an artifact that is deleted: its accessories, and entries of indexes that nothing else needs."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import Accessory, Artifact, ArtifactChild, Tag
from app.db.parts import parts



def family_of(session: Session, repository_id: int, artifact_id: int) -> list[int]:
    """The artifact and what goes with it, indexes before their entries.

    Accessories go whatever their tags, unless an index outside lists them; an untagged entry goes with the last index.
    """
    family = [artifact_id]
    known = {artifact_id}
    newest: Sequence[int] = family
    while newest:
        found = [*_accessories(session, repository_id, newest), *_entries(session, newest)]
        fresh = sorted({each for each in found if each not in known})
        kept_elsewhere = _listed_outside(session, fresh, known)
        newest = [each for each in fresh if each not in kept_elsewhere]
        known.update(newest)
        family.extend(newest)
    return family


def _accessories(session: Session, repository_id: int, subjects: Sequence[int]) -> list[int]:
    return [
        found
        for part in parts(subjects)
        for found in session.execute(_ACCESSORIES, {"repository": repository_id, "ids": part}).scalars()
    ]


def _entries(session: Session, indexes: Sequence[int]) -> list[int]:
    return [found for part in parts(indexes) for found in session.execute(_ENTRIES, {"ids": part}).scalars()]


def _listed_outside(session: Session, artifacts: Sequence[int], family: set[int]) -> set[int]:
    listed = (row for part in parts(artifacts) for row in session.execute(_PARENTS, {"ids": part}))
    return {row.child_id for row in listed if row.parent_id not in family}


_ACCESSORIES = (
    sa.select(Accessory.artifact_id)
    .join(Artifact, sa.and_(Artifact.digest == Accessory.subject_digest, Artifact.repository_id == Accessory.repository_id))
    .where(Accessory.repository_id == sa.bindparam("repository"), Artifact.id.in_(sa.bindparam("ids", expanding=True)))
)
_ENTRIES = sa.select(ArtifactChild.child_id).where(
    ArtifactChild.parent_id.in_(sa.bindparam("ids", expanding=True)),
    ~sa.exists().where(Tag.artifact_id == ArtifactChild.child_id),
)
_PARENTS = sa.select(ArtifactChild.child_id, ArtifactChild.parent_id).where(
    ArtifactChild.child_id.in_(sa.bindparam("ids", expanding=True))
)
