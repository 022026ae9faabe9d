"""Counting what a garbage collection deletes, or what it would delete in a dry run."""

from datetime import timedelta

import sqlalchemy as sa

from app.artifacts.dry_run import count_blobs, count_with_untagged
from app.context import Context
from app.db.types import clock_ms
from app.garbage.contracts import GarbageInput, Marked


def mark(ctx: Context, job_input: GarbageInput) -> Marked:
    """Count the blobs and bytes to delete; in a dry run also those that deleting untagged artifacts would free."""
    before = ctx.ports.clock.now() - timedelta(milliseconds=job_input.window_ms)
    with ctx.read() as session:
        cutoff = session.execute(sa.select(clock_ms() - job_input.window_ms)).scalar_one()
    if job_input.dry_run and job_input.delete_untagged:
        eligible = count_with_untagged(ctx, cutoff, before)
    else:
        eligible = count_blobs(ctx, cutoff)
    return Marked(cutoff_ms=cutoff, blobs=eligible.blobs, manifests=eligible.manifests, bytes=eligible.bytes)
