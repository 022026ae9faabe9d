"""How many bytes projects and repositories use: as charged, as they lie on disk, and as clients see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import reachability
from app.artifacts.holdings import add_charges
from app.artifacts.models import Artifact, Repository
from app.db.parts import parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The sizes of a project's or a repository's content in bytes."""

    physical: int
    """Every blob once, and the manifests; blobs that wait for garbage collection included."""
    logical: int
    """What clients would fetch if they pulled every artifact by itself: shared blobs count for each artifact."""
    reclaimable: int
    """Blobs to which no artifact of the installation refers: garbage collection deletes them after its time window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedUse:
    """A project's use in bytes and repositories, counted from the rows of its content."""

    stored: int
    repositories: int
    uncharged: int
    """The number of blobs that the project refers to and was not charged for."""
    overcharged: int
    """The number of blobs that the project was charged for and no longer needs."""


def repository_sizes(session: Session, repository_id: int) -> Sizes:
    """Return the sizes of a repository's content, in three queries."""
    return _sizes(session, Artifact.repository_id == repository_id, repository=repository_id)


def project_sizes(session: Session, project_id: int) -> Sizes:
    """Return the sizes of a project's content, in three queries."""
    return _sizes(session, Artifact.project_id == project_id, project=project_id)


def settle_charges(session: Session, project_id: int) -> tuple[int, int]:
    """Charge the project for the blobs that it refers to, stop charging it for those that it does not need.

    Return how many blobs were added and removed. The caller must have locked the project's row.
    """
    uncharged = _ids(session, reachability.uncharged_blobs(project_id))
    overcharged = _ids(session, reachability.needless_charges(project_id))
    for part in parts(uncharged):
        add_charges(session, project_id=project_id, blob_ids=part)
    reachability.release_charges(session, overcharged, project_id=project_id)
    return len(uncharged), len(overcharged)


def count_use(session: Session, project_id: int) -> CountedUse:
    """Count a project's use from its rows, and the charges that ``settle_charges`` would add and remove."""
    uncharged, missing = _counted(session, reachability.uncharged_blobs(project_id))
    overcharged, needless = _counted(session, reachability.needless_charges(project_id))
    charged = _counted(session, reachability.charged_blobs(project_id))[1]
    manifests = session.execute(sa.select(_MANIFESTS).where(Artifact.project_id == project_id)).scalar_one()
    repositories = session.execute(_REPOSITORIES, {"project": project_id}).scalar_one()
    return CountedUse(
        stored=int(charged + missing - needless + manifests),
        repositories=repositories,
        uncharged=uncharged,
        overcharged=overcharged,
    )


def _sizes(session: Session, own: sa.ColumnElement[bool], **scope: int) -> Sizes:
    manifests, pulled = session.execute(reachability.pulled_bytes(_MANIFESTS, own)).one()
    on_disk = _counted(session, reachability.blobs_on_disk(**scope))[1]
    reclaimable = _counted(session, reachability.collectable_blobs(**scope))[1]
    return Sizes(physical=on_disk + int(manifests), logical=int(manifests) + int(pulled), reclaimable=reclaimable)


def _ids(session: Session, blobs: sa.Select[Any]) -> Sequence[int]:
    return session.execute(blobs).scalars().all()


def _counted(session: Session, blobs: sa.Select[Any]) -> tuple[int, int]:
    """Return the number and the total size of the blobs."""
    number, size = session.execute(reachability.number_and_size(blobs)).one()
    return int(number), int(size)


_MANIFESTS: Final = sa.func.coalesce(sa.func.sum(Artifact.manifest_size), 0)
_REPOSITORIES: Final = (
    sa.select(sa.func.count())
    .select_from(cast("sa.Table", Repository.__table__))
    .where(Repository.project_id == sa.bindparam("project"), Repository.published)
)
