"""Dry run of the garbage collection: counts what it would delete, by the same plans and conditions."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.artifacts import reachability
from app.artifacts.repositories import RepositoryRef
from app.artifacts.untagged import manifest_bytes, repositories_with_untagged, require_group_deletable
from app.artifacts.untagged_groups import Group, plan_groups, take_in_order
from app.context import Context
from app.core.errors import DeniedError, PreconditionError
from app.db.parts import parts
from app.storage import claimed
from app.storage.models import Blob

_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletable:
    """The number of blobs and manifests that would be deleted, and the bytes of both together."""

    blobs: int
    manifests: int
    bytes: int


def count_blobs(ctx: Context, cutoff_ms: int) -> Deletable:
    """Count the blobs that a sweep with this cutoff would delete, with those that an earlier sweep has claimed.

    ``cutoff_ms`` is on the database's clock.
    """
    with ctx.read() as session:
        due = session.execute(_DUE, {"cutoff": cutoff_ms}).one()
        blobs, size = claimed.count(session)
    return Deletable(blobs=due.blobs + blobs, manifests=0, bytes=int(due.bytes) + size)


def count_with_untagged(ctx: Context, cutoff_ms: int, before: datetime) -> Deletable:
    """Count as ``count_blobs`` would after the deletion of the untagged artifacts pushed before ``before``.

    Count these artifacts' manifests, too.
    """
    untagged = _Untagged(ctx)
    cursor = 0
    while page := repositories_with_untagged(ctx, before, cursor):
        for repository in page:
            untagged.count(repository, plan_groups(ctx, repository.id, before, _nothing))
        cursor = page[-1].id
    plain = count_blobs(ctx, cutoff_ms)
    with ctx.read() as session:
        blobs, size = untagged.freed(session, cutoff_ms)
    return Deletable(blobs=plain.blobs + blobs, manifests=untagged.manifests, bytes=plain.bytes + untagged.bytes + size)


class _Untagged:
    """Counts the untagged artifacts that would be deleted, and the references that blobs would lose."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._lost: Counter[int] = Counter()
        self.manifests = 0
        self.bytes = 0

    def count(self, repository: RepositoryRef, groups: list[Group]) -> None:
        """Count the groups of a repository, except those whose deletion an admission check refuses."""
        allowed: list[int] = []

        def take(group: Group) -> bool:
            try:
                require_group_deletable(self._ctx, repository, group)
            except (DeniedError, PreconditionError) as error:
                _log.info("untagged_manifest_spared", repository=repository.name, reason=error.message)
                return False
            allowed.extend(group.artifact_ids)
            return True

        take_in_order(groups, take)
        for part in parts(allowed, _AT_ONCE):
            with self._ctx.read() as session:
                self.manifests += len(part)
                self.bytes += manifest_bytes(session, part)
                self._lost.update(session.execute(_REFERRED, {"artifacts": part}).scalars())

    def freed(self, session: Session, cutoff_ms: int) -> tuple[int, int]:
        """Return the number of blobs that would be unreferenced and due then, and their bytes."""
        blobs = size = 0
        for part in parts(sorted(self._lost), _AT_ONCE):
            references = session.execute(_REFERENCES, {"blobs": part})
            unreferenced = [row.blob_id for row in references if row.references == self._lost[row.blob_id]]
            due = session.execute(_DUE_THEN, {"blobs": unreferenced, "cutoff": cutoff_ms}).one()
            blobs, size = blobs + due.blobs, size + int(due.bytes)
        return blobs, size


def _nothing() -> None:
    """Do nothing: the caller keeps the dry run alive."""


_log = structlog.get_logger()
_BLOBS: sa.BindParameter[list[int]] = sa.bindparam("blobs", expanding=True)
_COUNT = sa.select(sa.func.count().label("blobs"), sa.func.coalesce(sa.func.sum(Blob.size), 0).label("bytes"))
_DUE: Final = _COUNT.select_from(Blob).where(reachability.unclaimed_and_due())
_DUE_THEN: Final = _COUNT.select_from(Blob).where(
    Blob.id.in_(_BLOBS), reachability.unclaimed_and_due(without_references=False)
)
_REFERRED: Final = reachability.blobs_of_artifacts(sa.bindparam("artifacts", expanding=True))
_REFERENCES: Final = reachability.reference_counts(_BLOBS)
