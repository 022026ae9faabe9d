"""References of a manifest to blobs, whose rows stay locked until the commit, and to child manifests."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import reachability
from app.artifacts.holdings import refer
from app.artifacts.models import Artifact, ArtifactChild
from app.artifacts.repositories import RepositoryRef
from app.core.digest import Digest
from app.core.errors import Contended, ManifestBlobUnknown, ManifestInvalid
from app.core.media_types import INDEXES, MANIFESTS
from app.db.parts import parts
from app.db.plans import run
from app.oci.descriptors import Descriptor
from app.oci.documents import storable_map
from app.oci.limits import INDEX_DEPTH, SIZE
from app.oci.manifests import Manifest, Shape
from app.storage.models import IS_LIVE, IS_QUARANTINED, Blob

_SHOWN: Final = 20
_CHECKED: Final = INDEXES | MANIFESTS
"""Media types of documents that are checked when they are pushed as manifests; blobs are not checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBlob:
    """A live blob of the repository, locked against deletion until the commit."""

    id: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldChild:
    """An artifact of the repository that an index lists."""

    id: int
    size: int
    media_type: str

    @property
    def is_index(self) -> bool:
        """Tell whether the child is an index itself."""
        return self.media_type in INDEXES


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """The blobs and child manifests that a manifest refers to, by digest."""

    blobs: dict[str, HeldBlob]
    children: dict[str, HeldChild]

    @property
    def size(self) -> int:
        """Return the bytes of all blobs and children, each counted once, at most ``SIZE``."""
        blobs, children = self.blobs.values(), self.children.values()
        return min(SIZE, sum(blob.size for blob in blobs) + sum(child.size for child in children))


def resolve(session: Session, repository_id: int, manifest: Manifest, unchecked: AbstractSet[Digest]) -> References:
    """Return the manifest's references to blobs and child manifests that the repository has.

    The entries of an index may be manifests or blobs, as in BuildKit's caches; an entry with the media type of a
    manifest must be a manifest. Non-distributable layers, and all content of a document of unknown type, are optional.

    Raises: ManifestBlobUnknown, which lists the required content that the repository lacks; ManifestInvalid for too
    deeply nested indexes, and for an entry whose media type is not that of its manifest; Contended when the repository
    holds one of the blobs that are ``unchecked``.
    """
    listed = {entry.digest for entry in manifest.entries}
    children = _children(session, repository_id, listed) if listed else {}
    blobs = _blobs(session, repository_id, {descriptor.digest for descriptor in manifest.named} - children.keys())
    _require_all(manifest.required - children.keys() - blobs.keys())
    if unchecked & blobs.keys():
        raise Contended("a config or signature of the manifest cannot be looked into now: try again", retry_after=1)
    if manifest.shape is Shape.INDEX:
        _require_all({entry.digest for entry in manifest.entries if entry.media_type in _CHECKED} - children.keys())
        _require_types(manifest, children)
    _require_depth(session, children.values())
    return References(blobs=blobs, children=children)


def record(
    session: Session, *, artifact_id: int, repository: RepositoryRef, manifest: Manifest, references: References
) -> None:
    """Insert the rows of the references; an entry that an index repeats gets one row, for its first occurrence."""
    place: dict[str, object] = {
        "artifact_id": artifact_id,
        "repository_id": repository.id,
        "project_id": repository.project_id,
    }
    if references.blobs:
        refer(session, place, [blob.id for blob in references.blobs.values()])
    if references.children:
        first: dict[str, Descriptor] = {}
        for entry in manifest.entries:
            first.setdefault(entry.digest, entry)
        entries = [entry for digest, entry in first.items() if digest in references.children]
        rows = [_child_row(artifact_id, position, entry, references) for position, entry in enumerate(entries)]
        session.connection().execute(_NEW_CHILDREN, rows)


def extend(
    session: Session, *, artifact_id: int, repository: RepositoryRef, manifest: Manifest, references: References
) -> References:
    """Add the references that the artifact does not have yet, and return only these."""
    bound = {"artifact": artifact_id}
    blobs = set(session.connection().execute(_OWN_BLOBS, bound).scalars())
    children = set(session.connection().execute(_OWN_CHILDREN, bound).scalars())
    new = References(
        blobs={digest: blob for digest, blob in references.blobs.items() if blob.id not in blobs},
        children={digest: child for digest, child in references.children.items() if child.id not in children},
    )
    # Positions number the children, so all of their rows are written again when there is a new one.
    to_write = References(blobs=new.blobs, children=references.children if new.children else {})
    if new.children:
        session.connection().execute(_FORGET_CHILDREN, bound)
    record(session, artifact_id=artifact_id, repository=repository, manifest=manifest, references=to_write)
    return new


def _child_row(parent_id: int, position: int, entry: Descriptor, references: References) -> dict[str, object]:
    return {
        "parent_id": parent_id,
        "child_id": references.children[entry.digest].id,
        "position": position,
        "platform": storable_map(entry.platform),
        "annotations": storable_map(entry.annotations),
    }


def _require_all(missing: AbstractSet[str]) -> None:
    if missing:
        needed = sorted(missing)
        raise ManifestBlobUnknown(
            f"the repository lacks {len(needed)} blobs or manifests that the manifest refers to, first {needed[0]}",
            detail={"missing": needed[:_SHOWN]},
        )


def _require_types(manifest: Manifest, children: Mapping[str, HeldChild]) -> None:
    """Raise ManifestInvalid when an entry's media type is not the one that its manifest was pushed and checked with."""
    for position, entry in enumerate(manifest.entries):
        child = children.get(entry.digest)
        if child is not None and entry.media_type not in ("", child.media_type):
            message = f"manifests[{position}].mediaType is {entry.media_type!r}, the manifest was pushed as"
            raise ManifestInvalid(f"{message} {child.media_type!r}", detail={"digest": entry.digest})


def _blobs(session: Session, repository_id: int, digests: Iterable[str]) -> dict[str, HeldBlob]:
    return {
        row.digest: HeldBlob(id=row.id, size=row.size)
        for part in parts(digests)
        for row in run(session, _BLOBS, {"repository": repository_id, "digests": part})
    }


def _children(session: Session, repository_id: int, digests: Iterable[str]) -> dict[str, HeldChild]:
    return {
        row.digest: HeldChild(id=row.id, size=row.size, media_type=row.manifest_media_type)
        for part in parts(digests)
        for row in run(session, _ARTIFACTS, {"repository": repository_id, "digests": part})
    }


def _require_depth(session: Session, children: Iterable[HeldChild]) -> None:
    indexes = [child.id for child in children if child.is_index]
    for part in parts(indexes):
        depth = session.connection().execute(_DEPTH, {"indexes": part}).scalar_one()
        if depth is not None and depth > INDEX_DEPTH:
            raise ManifestInvalid(f"indexes are nested more than {INDEX_DEPTH} deep")


_OWN_BLOBS = reachability.blobs_of_artifact(sa.bindparam("artifact"))
_OWN_CHILDREN = sa.select(ArtifactChild.child_id).where(ArtifactChild.parent_id == sa.bindparam("artifact"))
_FORGET_CHILDREN = sa.delete(ArtifactChild).where(ArtifactChild.parent_id == sa.bindparam("artifact"))
_NEW_CHILDREN = sa.insert(ArtifactChild)
_BLOBS = (
    sa.select(Blob.id, Blob.digest, Blob.size)
    .where(
        reachability.held(Blob.id, repository=sa.bindparam("repository")),
        Blob.digest.in_(sa.bindparam("digests", expanding=True)),
        IS_LIVE,
        ~IS_QUARANTINED,
    )
    .order_by(Blob.id)
    .with_for_update(read=True, key_share=True, of=Blob)
)
_ARTIFACTS = sa.select(Artifact.id, Artifact.digest, Artifact.size, Artifact.manifest_media_type).where(
    Artifact.repository_id == sa.bindparam("repository"), Artifact.digest.in_(sa.bindparam("digests", expanding=True))
)
_START = (
    sa.select(Artifact.id.label("id"), sa.literal_column("1").label("depth"))
    .where(Artifact.id.in_(sa.bindparam("indexes", expanding=True)))
    .cte("nest", recursive=True)
)
_NEST = _START.union(
    sa.select(ArtifactChild.child_id, _START.c.depth + 1)
    .join(_START, ArtifactChild.parent_id == _START.c.id)
    .where(_START.c.depth <= INDEX_DEPTH)
)
_DEPTH = sa.select(sa.func.max(_NEST.c.depth))
