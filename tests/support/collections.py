"""Garbage collections in the test's own process: the steps of the activities one after another, without Temporal."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from app.access.principals import SYSTEM
from app.artifacts.models import Artifact
from app.context import Context, Ports
from app.garbage import lease
from app.garbage.contracts import GARBAGE_COLLECTION, GarbageInput, HeldLease, SweepStep, UntaggedStep
from app.garbage.marking import mark
from app.garbage.service import GarbageParameters, GarbageService
from app.garbage.sweep import Sweep
from app.garbage.untagged import UntaggedDeletion
from app.jobs.runs import JobRun
from app.jobs.service import JobService
from app.storage.models import Blob, ZeroReference

_DONE: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a collection deleted, or a dry run would delete; bytes are those of manifests and blobs."""

    manifests: int
    blobs: int
    bytes: int


def dry_run(ports: Ports, *, untagged: bool) -> Figures:
    """Count what a collection would delete now."""
    run = _run(ports, GarbageParameters(delete_untagged=untagged, dry_run=True))
    marked = mark(run.ctx, GarbageInput.of(run.require_input()))
    run.finish("Success")
    return Figures(manifests=marked.manifests, blobs=marked.blobs, bytes=marked.bytes)


def collect(
    ports: Ports,
    *,
    untagged: bool,
    workers: int = 1,
    go_on: Callable[[], bool] = lambda: True,
    interrupted: AbstractContextManager[None] | None = None,
) -> Figures:
    """Run a collection to its end, or until ``go_on`` says no; ``interrupted`` surrounds what the lease is for."""
    run = _run(ports, GarbageParameters(delete_untagged=untagged, delete_tag=untagged, workers=workers))
    asked = GarbageInput.of(run.require_input())
    fence = lease.acquire(run.ctx, run.workflow_id, asked.lease_ms)
    assert fence is not None
    held = HeldLease(fence=fence)
    try:
        with interrupted or nullcontext():
            UntaggedDeletion(run, asked, UntaggedStep(lease=held)).run(go_on)
            cutoff = mark(run.ctx, asked).cutoff_ms
            for share in range(workers):
                cursor = 0
                while cursor != _DONE and go_on():
                    step = SweepStep(lease=held, cutoff_ms=cutoff, share=share, shares=workers, cursor=cursor)
                    cursor = Sweep(run, asked, step).run(go_on).cursor
    finally:
        assert lease.release(run.ctx, run.workflow_id)
        run.finish("Success")
    counted = run.counters()
    return Figures(
        manifests=int(counted.get("purged_manifests", 0)),
        blobs=int(counted.get("purged_blobs", 0)),
        bytes=int(counted.get("freed_space", 0)),
    )


def let_time_pass(ports: Ports, hours: int = 3) -> None:
    """Let everything that was pushed, claimed and queued until now be that much older."""
    milliseconds = hours * 3_600_000
    with ports.db.write() as session:
        unsynchronised = {"synchronize_session": False}
        earlier = sa.update(ZeroReference).values(since=ZeroReference.since - milliseconds)
        session.execute(earlier, execution_options=unsynchronised)
        ended = sa.update(Blob).values(claimed_until=Blob.claimed_until - milliseconds)
        session.execute(ended, execution_options=unsynchronised)
        for artifact in session.execute(sa.select(Artifact)).scalars():
            artifact.push_time -= timedelta(hours=hours)


def _run(ports: Ports, parameters: GarbageParameters) -> JobRun:
    ctx = Context(ports, SYSTEM)
    workflow_id = JobService(ctx).execution(GarbageService(ctx).run(parameters)).workflow_id
    run = JobRun(ctx, workflow_id, GARBAGE_COLLECTION.workflow)
    run.begin(0)
    return run
