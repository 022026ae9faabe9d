"""What is copied with an artifact: the manifests that its index lists, all their accessories, and the order of both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import Accessory, Artifact, ArtifactChild, ManifestBody, Tag
from app.core.errors import InvalidError
from app.oci.accessory_tags import tags_about

MOST_MANIFESTS: Final = 300
"""The most manifests of one copy: the artifact, the children of its indexes, and all accessories."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""The most bytes of these manifests together."""
_MOST_ENTRIES: Final = 10 * MOST_MANIFESTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """A manifest to copy."""

    id: int
    digest: str
    media_type: str
    size: int
    """Bytes of the manifest."""
    body: bytes
    tags: tuple[str, ...]
    """The tags that name it as an accessory of another one in the copy."""


@dataclass(slots=True, kw_only=True)
class _Found:
    rows: dict[int, sa.Row[*tuple[Any, ...]]] = field(default_factory=dict)
    """By id, subjects and indexes before what was found by them."""
    children: dict[int, list[int]] = field(default_factory=dict)


def family_of(session: Session, artifact_id: int) -> list[Relative]:
    """Return the artifact with its children and accessories, in the order in which they can be stored.

    Children come before their index, subjects before their accessories. The list is empty when the artifact does not
    exist. Raise InvalidError for more than MOST_MANIFESTS, or more than MOST_BYTES of them.
    """
    found = _Found()
    frontier = [artifact_id]
    while frontier:
        rows = session.execute(_FACTS, {"ids": frontier}).all()
        found.rows.update({row.id: row for row in rows})
        _require_bounded(found.rows.values())
        frontier = [one for one in _next(session, rows, found) if one not in found.rows]
    return _read(session, found) if found.rows else []


def _next(session: Session, rows: Sequence[sa.Row[*tuple[Any, ...]]], found: _Found) -> list[int]:
    """Return the ids of the children and accessories of the rows, once each, and keep the children's parents."""
    if not rows:
        return []
    entries = session.execute(_CHILDREN, {"ids": [row.id for row in rows]}).all()
    about = {"repository": rows[0].repository_id, "digests": [row.digest for row in rows]}
    accessories = session.execute(_ACCESSORIES, about).scalars().all()
    _require(len(entries) <= _MOST_ENTRIES and len(accessories) <= _MOST_ENTRIES)
    for entry in entries:
        found.children.setdefault(entry.parent_id, []).append(entry.child_id)
    return list(dict.fromkeys([*(entry.child_id for entry in entries), *accessories]))


def _read(session: Session, found: _Found) -> list[Relative]:
    order = _in_order(found.rows, found.children)
    bodies = {row.artifact_id: row.body for row in session.execute(_BODIES, {"ids": order})}
    names = [name for row in found.rows.values() for name in tags_about(row.digest)]
    tags: dict[int, list[str]] = {}
    for row in session.execute(_TAGS, {"ids": order, "names": names}):
        tags.setdefault(row.artifact_id, []).append(row.name)
    return [
        Relative(
            id=one,
            digest=found.rows[one].digest,
            media_type=found.rows[one].manifest_media_type,
            size=found.rows[one].manifest_size,
            body=bytes(bodies[one]),
            tags=tuple(tags.get(one, ())),
        )
        for one in order
        if one in bodies
    ]


def _in_order(ids: Iterable[int], children: Mapping[int, Sequence[int]]) -> list[int]:
    """Return the ids with children before their parents; indexes are never nested deeply."""
    order: dict[int, None] = {}

    def add(one: int) -> None:
        if one not in order:
            for child in children.get(one, ()):
                add(child)
            order[one] = None

    for one in ids:
        add(one)
    return list(order)


def _require_bounded(rows: Iterable[sa.Row[*tuple[Any, ...]]]) -> None:
    sizes = [row.manifest_size for row in rows]
    _require(len(sizes) <= MOST_MANIFESTS and sum(sizes) <= MOST_BYTES)


def _require(bounded: bool) -> None:  # noqa: FBT001 - the condition itself
    if not bounded:
        raise InvalidError(
            f"the artifact has more than {MOST_MANIFESTS} children and accessories, or more than "
            f"{MOST_BYTES // 1024 // 1024} MiB of manifests: copy it with a client of the registry"
        )


_IDS: sa.BindParameter[list[int]] = sa.bindparam("ids", expanding=True)
_FACTS: Final = (
    sa.select(
        Artifact.id, Artifact.repository_id, Artifact.digest, Artifact.manifest_media_type, Artifact.manifest_size
    )
    .where(Artifact.id.in_(_IDS))
    .order_by(Artifact.id)
)
_CHILDREN: Final = (
    sa.select(ArtifactChild.parent_id, ArtifactChild.child_id)
    .where(ArtifactChild.parent_id.in_(_IDS))
    .order_by(ArtifactChild.parent_id, ArtifactChild.position)
    .limit(_MOST_ENTRIES + 1)
)
_ACCESSORIES: Final = (
    sa.select(Accessory.artifact_id)
    .where(
        Accessory.repository_id == sa.bindparam("repository"),
        Accessory.subject_digest.in_(sa.bindparam("digests", expanding=True)),
    )
    .order_by(Accessory.id)
    .limit(_MOST_ENTRIES + 1)
)
_BODIES: Final = sa.select(ManifestBody.artifact_id, ManifestBody.body).where(ManifestBody.artifact_id.in_(_IDS))
_TAGS: Final = (
    sa.select(Tag.artifact_id, Tag.name)
    .where(Tag.artifact_id.in_(_IDS), Tag.name.in_(sa.bindparam("names", expanding=True)))
    .order_by(Tag.name)
)
