"""What a manifest refers to and its repository holds: blobs by rows that stay locked, children by artifacts."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import Artifact, ArtifactBlob, ArtifactChild, RepositoryBlob
from app.artifacts.repositories import RepositoryRef
from app.core.errors import ManifestBlobUnknown, ManifestInvalid
from app.core.media_types import INDEXES
from app.db.parts import parts
from app.db.plans import run
from app.oci.descriptors import Descriptor
from app.oci.documents import storable_map
from app.oci.limits import INDEX_DEPTH, SIZE
from app.oci.manifests import Manifest, Shape
from app.storage.models import IS_LIVE, IS_QUARANTINED, Blob

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBlob:
    """A live blob of the repository, locked against deletion until commit."""

    id: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldChild:
    """An artifact of the repository that an index lists."""

    id: int
    size: int
    is_index: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What a manifest refers to, by digest."""

    blobs: dict[str, HeldBlob]
    children: dict[str, HeldChild]

    @property
    def size(self) -> int:
        """Bytes of everything referred to, each thing once; at most what 64 bits count."""
        blobs, children = self.blobs.values(), self.children.values()
        return min(SIZE, sum(blob.size for blob in blobs) + sum(child.size for child in children))


def resolve(session: Session, repository_id: int, manifest: Manifest) -> References:
    """Find what the manifest refers to; ManifestBlobUnknown lists what the repository does not hold.

    The entries of an index are looked up among manifests and blobs, as BuildKit's caches need it; a document of an
    unknown type refers to what is there and requires nothing. ManifestInvalid for indexes nested too deeply.
    """
    listed = {entry.digest for entry in manifest.entries}
    children = _children(session, repository_id, listed) if listed else {}
    wanted = {blob.digest for blob in manifest.blobs} | (listed - children.keys())
    blobs = _blobs(session, repository_id, wanted)
    if manifest.shape is not Shape.OPAQUE:
        _require_all(manifest, wanted - blobs.keys())
    _bound_depth(session, children.values())
    return References(blobs=blobs, children=children)


def record(
    session: Session, *, artifact_id: int, repository: RepositoryRef, manifest: Manifest, references: References
) -> None:
    """Write the rows that say so: what is named more than once has one, for the first time it is named."""
    place: dict[str, object] = {
        "artifact_id": artifact_id,
        "repository_id": repository.id,
        "project_id": repository.project_id,
    }
    if references.blobs:
        for part in parts([blob.id for blob in references.blobs.values()]):
            run(session, _NEW_BLOBS, place | {"blobs": part})
    if references.children:
        first: dict[str, Descriptor] = {}
        for entry in manifest.entries:
            first.setdefault(entry.digest, entry)
        entries = [entry for digest, entry in first.items() if digest in references.children]
        rows = [_child_row(artifact_id, position, entry, references) for position, entry in enumerate(entries)]
        session.connection().execute(_NEW_CHILDREN, rows)


def _child_row(parent_id: int, position: int, entry: Descriptor, references: References) -> dict[str, object]:
    return {
        "parent_id": parent_id,
        "child_id": references.children[entry.digest].id,
        "position": position,
        "platform": storable_map(entry.platform),
        "annotations": storable_map(entry.annotations),
    }


def _require_all(manifest: Manifest, missing: AbstractSet[str]) -> None:
    needed = sorted(missing - {entry.digest for entry in manifest.entries if not entry.distributable})
    if needed:
        raise ManifestBlobUnknown(
            f"{len(needed)} of the things that the manifest refers to are unknown to the repository, first {needed[0]}",
            detail={"missing": needed[:_SHOWN]},
        )


def _blobs(session: Session, repository_id: int, digests: Iterable[str]) -> dict[str, HeldBlob]:
    return {
        row.digest: HeldBlob(id=row.id, size=row.size)
        for part in parts(digests)
        for row in run(session, _BLOBS, {"repository": repository_id, "digests": part})
    }


def _children(session: Session, repository_id: int, digests: Iterable[str]) -> dict[str, HeldChild]:
    return {
        row.digest: HeldChild(id=row.id, size=row.size, is_index=row.manifest_media_type in INDEXES)
        for part in parts(digests)
        for row in run(session, _ARTIFACTS, {"repository": repository_id, "digests": part})
    }


def _bound_depth(session: Session, children: Iterable[HeldChild]) -> None:
    indexes = [child.id for child in children if child.is_index]
    for part in parts(indexes):
        depth = session.connection().execute(_DEPTH, {"indexes": part}).scalar_one()
        if depth is not None and depth > INDEX_DEPTH:
            raise ManifestInvalid(f"indexes are nested more than {INDEX_DEPTH} deep")


_PLACE: Final = ("artifact_id", "repository_id", "project_id")
_NEW_BLOBS = sa.insert(cast("sa.Table", ArtifactBlob.__table__)).from_select(
    [*_PLACE, "blob_id"],
    sa.select(*(sa.bindparam(name, type_=sa.BigInteger) for name in _PLACE), Blob.id)
    .where(Blob.id.in_(sa.bindparam("blobs", expanding=True)))
    .order_by(Blob.id),
)
_NEW_CHILDREN = sa.insert(ArtifactChild)
_BLOBS = (
    sa.select(Blob.id, Blob.digest, Blob.size)
    .join(RepositoryBlob, RepositoryBlob.blob_id == Blob.id)
    .where(
        RepositoryBlob.repository_id == sa.bindparam("repository"),
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
