"""The sweep: claim a batch under the lease, commit, unlink the bytes, forget the rows."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from app.artifacts.models import ArtifactBlob, ProjectBlob, Repository, RepositoryBlob
from app.context import Context
from app.core.errors import DomainError
from app.db.database import retried
from app.db.types import clock_ms
from app.garbage.contracts import GarbageInput, SweepStep, Swept
from app.garbage.lease import WriteLease
from app.jobs.runs import JobRun
from app.projects.models import Project
from app.storage.models import DELETING, IS_LIVE, Blob, ZeroReference

_log = structlog.get_logger()
_BATCH: Final = 500
_SLICE_SECONDS: Final = 60.0
_DONE: Final = -1
IS_CLAIMED: Final = sa.and_(Blob.state != sa.literal_column("'live'"), Blob.state == sa.literal_column("'deleting'"))
"""The condition on blobs whose bytes are about to go, spelled so that their partial index serves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedBlob:
    """A blob in the state ``deleting``: nobody holds it, its bytes are about to go."""

    id: int
    key: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    """A batch of the queue that was taken out of it, and the blobs that nobody holds any more."""

    last: int
    full: bool
    dead: Sequence[ClaimedBlob]


class Sweep:
    """One share of a collection's sweep: the blobs whose id modulo ``shares`` is ``share``."""

    def __init__(self, run: JobRun, asked: GarbageInput, step: SweepStep) -> None:
        self._ctx = run.ctx
        self._run = run
        self._lease = WriteLease(run, asked, step.lease)
        self._window_ms = asked.window_ms
        self._step = step

    def run(self, go_on: Callable[[], bool], seconds: float = _SLICE_SECONDS) -> Swept:
        """Free what is due until it is done, ``seconds`` have passed or ``go_on`` says no; FenceLost when the lease is.

        Whatever is stopped half-way is finished by the next run: a claimed blob stays in the state ``deleting``.
        """
        deadline = time.monotonic() + seconds
        cursor, freed = self._step.cursor, [0, 0]
        whole = self._free(self._left_over(), go_on, freed)
        while whole and cursor != _DONE and go_on() and time.monotonic() < deadline:
            batch = self._claim(cursor)
            whole = self._free(batch.dead, go_on, freed)
            cursor = batch.last if batch.full or not whole else _DONE
        if cursor == _DONE and not self._free(self._left_over(), go_on, freed):
            cursor = self._step.cursor
        if freed[0]:
            self._run.log(
                f"share {self._step.share + 1}/{self._step.shares}: {freed[0]} blobs deleted, {freed[1]} bytes freed"
            )
        return Swept(cursor=cursor, blobs=freed[0], bytes=freed[1])

    @retried()
    def _claim(self, cursor: int) -> _Claimed:
        """Take the next batch out of the queue in one transaction."""
        with self._ctx.write() as session:
            self._lease.require(session)
            share = {"cutoff": self._step.cutoff_ms, "share": self._step.share, "shares": self._step.shares}
            page = {"window": self._window_ms, "cursor": cursor, "limit": _BATCH}
            queued = session.execute(_QUEUED, share | page).all()
            if not queued:
                return _Claimed(last=cursor, full=False, dead=())
            dead = _take(session, queued)
            return _Claimed(last=queued[-1].id, full=len(queued) == _BATCH, dead=dead)

    def _left_over(self) -> Iterator[ClaimedBlob]:
        """Blobs that an earlier run, or one whose silence was taken for its end, claimed and did not finish."""
        last = 0
        while True:
            found = self._ctx.ports.db.rows(
                _LEFT_OVER, {"share": self._step.share, "shares": self._step.shares, "cursor": last, "limit": _BATCH}
            )
            if not found:
                return
            yield from claimed(found)
            last = found[-1].id

    def _free(self, dead: Iterable[ClaimedBlob], go_on: Callable[[], bool], freed: list[int]) -> bool:
        """Unlink and forget; False when ``go_on`` said no before the end, and what is left is left over."""
        gone: list[int] = []
        whole = True
        for blob in dead:
            whole = go_on()
            if not whole:
                break
            self._lease.keep()
            if unlink(self._ctx, blob):
                gone.append(blob.id)
            if len(gone) >= _BATCH:
                self._forget(gone, freed)
                gone = []
        self._forget(gone, freed)
        return whole

    def _forget(self, blob_ids: Sequence[int], freed: list[int]) -> None:
        if not blob_ids:
            return
        with self._ctx.write():
            blobs, size = forget(self._ctx, blob_ids)
            self._run.count({"purged_blobs": blobs, "freed_space": size})
        freed[0] += blobs
        freed[1] += size


def claimed(rows: Iterable[Any]) -> list[ClaimedBlob]:
    """Rows of (id, key, digest)."""
    return [ClaimedBlob(id=row.id, key=row.key, digest=row.digest) for row in rows]


def unlink(ctx: Context, blob: ClaimedBlob) -> bool:
    """Remove a claimed blob's bytes; False when the storage refused, which the next run tries again."""
    try:
        ctx.ports.storage.delete(blob.key)
    except (DomainError, OSError) as error:
        _log.error("blob_delete_failed", digest=blob.digest, key=blob.key, reason=str(error))
        return False
    return True


def forget(ctx: Context, blob_ids: Sequence[int]) -> tuple[int, int]:
    """Delete the rows of blobs whose bytes are gone; returns how many there were and their bytes."""
    statement = sa.delete(Blob).where(Blob.id.in_(blob_ids), Blob.state == DELETING).returning(Blob.size)
    with ctx.write() as session:
        sizes = session.execute(statement, execution_options=_UNSYNCHRONISED).scalars().all()
    return len(sizes), sum(sizes)


def _take(session: Session, queued: Sequence[Any]) -> Sequence[ClaimedBlob]:
    """Under the blobs' locks: what a repository does not refer to, it holds no more; returns what nobody holds."""
    blob_ids = sorted({row.blob_id for row in queued})
    locked = {row.id: row.free for row in session.execute(_LOCKED, {"blobs": blob_ids})}
    due = [row.id for row in queued if locked.get(row.blob_id, True)]
    unheld = sorted(blob for blob, free in locked.items() if free)
    if due:
        session.execute(_drop_held(due))
        session.execute(sa.delete(ZeroReference).where(ZeroReference.id.in_(due)), execution_options=_UNSYNCHRONISED)
    if not unheld:
        return ()
    _release(session, unheld)
    return claimed(session.execute(_kill(unheld)).all())


def _drop_held(due: Sequence[int]) -> sa.Delete:
    referred = sa.exists().where(
        ArtifactBlob.blob_id == ZeroReference.blob_id, ArtifactBlob.repository_id == ZeroReference.repository_id
    )
    idle = (
        sa.select(RepositoryBlob.id)
        .join(
            ZeroReference,
            sa.and_(
                ZeroReference.repository_id == RepositoryBlob.repository_id,
                ZeroReference.blob_id == RepositoryBlob.blob_id,
            ),
        )
        .where(ZeroReference.id.in_(due), ~referred)
    )
    return sa.delete(RepositoryBlob).where(RepositoryBlob.id.in_(idle)).execution_options(**_UNSYNCHRONISED)


def _release(session: Session, blob_ids: Sequence[int]) -> None:
    """Stop charging projects for blobs that none of their artifacts and repositories needs."""
    referred = sa.exists().where(
        ArtifactBlob.blob_id == ProjectBlob.blob_id, ArtifactBlob.project_id == ProjectBlob.project_id
    )
    held = sa.exists().where(
        RepositoryBlob.blob_id == ProjectBlob.blob_id,
        Repository.id == RepositoryBlob.repository_id,
        Repository.project_id == ProjectBlob.project_id,
    )
    released = sa.delete(ProjectBlob).where(ProjectBlob.blob_id.in_(blob_ids), ~referred, ~held)
    gone = session.execute(
        released.returning(ProjectBlob.project_id, ProjectBlob.blob_id), execution_options=_UNSYNCHRONISED
    ).all()
    sizes = {row.id: row.size for row in session.execute(sa.select(Blob.id, Blob.size).where(Blob.id.in_(blob_ids)))}
    charges: dict[int, int] = {}
    for row in gone:
        charges[row.project_id] = charges.get(row.project_id, 0) + sizes.get(row.blob_id, 0)
    for project_id, size in sorted(charges.items()):
        used = sa.update(Project).where(Project.id == project_id).values(storage_used=Project.storage_used - size)
        session.execute(used, execution_options=_UNSYNCHRONISED)


def _kill(blob_ids: Sequence[int]) -> ReturningUpdate[int, str, str]:
    needed = (RepositoryBlob.blob_id, ArtifactBlob.blob_id, ProjectBlob.blob_id, ZeroReference.blob_id)
    unneeded = (~sa.exists().where(column == Blob.id) for column in needed)
    return (
        sa.update(Blob)
        .where(Blob.id.in_(blob_ids), IS_LIVE, *unneeded)
        .values(state=DELETING)
        .returning(Blob.id, Blob.key, Blob.digest)
        .execution_options(**_UNSYNCHRONISED)
    )


_UNSYNCHRONISED: Final = {"synchronize_session": False}
_QUEUED = (
    sa.select(ZeroReference.id, ZeroReference.repository_id, ZeroReference.blob_id)
    .where(
        ZeroReference.id > sa.bindparam("cursor"),
        ZeroReference.since <= sa.bindparam("cutoff", type_=ZeroReference.since.type),
        ZeroReference.since <= clock_ms() - sa.bindparam("window", type_=ZeroReference.since.type),
        ZeroReference.blob_id % sa.bindparam("shares", type_=sa.Integer()) == sa.bindparam("share"),
    )
    .order_by(ZeroReference.id)
    .limit(sa.bindparam("limit"))
)
_LOCKED = (
    sa.select(Blob.id, sa.and_(IS_LIVE, Blob.claimed_until < clock_ms()).label("free"))
    .where(Blob.id.in_(sa.bindparam("blobs", expanding=True)))
    .order_by(Blob.id)
    .with_for_update()
)
_LEFT_OVER = (
    sa.select(Blob.id, Blob.key, Blob.digest)
    .where(
        IS_CLAIMED,
        Blob.id > sa.bindparam("cursor"),
        Blob.id % sa.bindparam("shares", type_=sa.Integer()) == sa.bindparam("share"),
    )
    .order_by(Blob.id)
    .limit(sa.bindparam("limit"))
)
