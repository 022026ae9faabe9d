"""What a collection is about to free, or would in a dry run: counted, not touched."""

from datetime import timedelta

import sqlalchemy as sa

from app.artifacts.dry_run import count_blobs, count_with_untagged
from app.context import Context
from app.db.types import clock_ms
from app.garbage.contracts import GarbageInput, Marked


def mark(ctx: Context, asked: GarbageInput) -> Marked:
    """Count the blobs that the queue frees from now on; in a dry run, also what the deletion of untagged ones frees."""
    before = ctx.ports.clock.now() - timedelta(milliseconds=asked.window_ms)
    with ctx.read() as session:
        cutoff = session.execute(sa.select(clock_ms() - asked.window_ms)).scalar_one()
    if asked.dry_run and asked.delete_untagged:
        due = count_with_untagged(ctx, cutoff, before)
    else:
        due = count_blobs(ctx, cutoff)
    return Marked(cutoff_ms=cutoff, blobs=due.blobs, manifests=due.manifests, bytes=due.bytes)
