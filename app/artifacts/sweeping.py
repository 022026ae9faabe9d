"""The database part of a sweep: takes a batch of the queue and claims the blobs that nothing needs any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from app.artifacts import reachability
from app.artifacts.holdings import take_from_queue
from app.context import Context
from app.db.types import clock_ms
from app.projects.quotas import count_content
from app.storage import claimed
from app.storage.claimed import ClaimedBlob
from app.storage.models import IS_LIVE, Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBatch:
    """The result of taking a batch of the queue."""

    last: int
    """The id of the last row, from which the next page starts."""
    full: bool
    """Whether the page had as many rows as its limit, so that more may follow."""
    dead: Sequence[ClaimedBlob]
    """The blobs that nothing needs any more, claimed for deletion."""


def take_batch(ctx: Context, page: Mapping[str, int]) -> TakenBatch:
    """Take the next batch out of the queue, inside the open writing transaction.

    ``page`` holds the parameters of ``QUEUE_PAGE``: ``cutoff`` and ``window``, ``share`` and ``shares``, ``cursor`` and
    ``limit``. Blobs that a push has claimed stay in the queue.
    """
    with ctx.write() as session:
        queue = session.execute(reachability.QUEUE_PAGE, page).all()
        if not queue:
            return TakenBatch(last=page["cursor"], full=False, dead=())
        blob_ids = sorted({row.blob_id for row in queue})
        locked = {row.id: row.free for row in session.execute(_LOCKED, {"blobs": blob_ids})}
        due = [row.id for row in queue if locked.get(row.blob_id, True)]
        free = sorted(blob_id for blob_id, is_free in locked.items() if is_free)
        dead: Sequence[ClaimedBlob] = ()
        if due:
            take_from_queue(session, due)
        if free:
            released = reachability.release_charges(session, free)
            dead = claimed.claim(session, free, reachability.deletable())
            for project_id, size in sorted(released.items()):
                count_content(ctx, project_id, stored=-size)
        return TakenBatch(last=queue[-1].id, full=len(queue) == page["limit"], dead=dead)


_LOCKED: Final = (
    sa.select(Blob.id, sa.and_(IS_LIVE, Blob.claimed_until < clock_ms()).label("free"))
    .where(Blob.id.in_(sa.bindparam("blobs", expanding=True)))
    .order_by(Blob.id)
    .with_for_update()
)
