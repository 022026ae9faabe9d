"""The workflows of garbage collection and of the upload purge."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from temporalio import workflow

from workflows.progress import LastStep, run_job
from workflows.retry import Steps, all_to_the_end, heed_cancellation, to_the_end

with workflow.unsafe.imports_passed_through():
    from app.garbage.contracts import (
        GARBAGE_COLLECTION,
        GC_ACQUIRE,
        GC_MARK,
        GC_RELEASE,
        GC_SWEEP,
        GC_UNTAGGED,
        UPLOAD_PURGE,
        UPLOAD_PURGE_JOB,
        AcquireStep,
        GarbageInput,
        HandedOver,
        HeldLease,
        Lease,
        Marked,
        MarkStep,
        Purged,
        PurgeInput,
        PurgeStep,
        SweepStep,
        Swept,
        Untagged,
        UntaggedStep,
    )
    from app.jobs.contracts import JobOutcome, Status

_RELEASE: Final = LastStep(activity=GC_RELEASE, queue=GARBAGE_COLLECTION.queue)
_DONE: Final = -1
_SILENCE: Final = timedelta(seconds=15)
_SILENCES_PER_LEASE: Final = 8


@workflow.defn(name=GARBAGE_COLLECTION.workflow)
class GarbageCollection:
    """Takes the write lease, deletes what is eligible, and releases the lease, also after failure or cancellation."""

    @workflow.run
    async def run(self, job_input: GarbageInput) -> JobOutcome:
        """Run the collection; release the lease and end the execution, whatever the outcome."""
        return await run_job(job_input, self._collect, last=_RELEASE, continued=job_input.handed_over is not None)

    async def _collect(self, job_input: GarbageInput) -> JobOutcome:
        state = job_input.handed_over
        if state is None:
            lease = await to_the_end(_steps(job_input).rows(GC_ACQUIRE, AcquireStep(), Lease))
            heed_cancellation()
            if lease.fence is None:
                return JobOutcome(status=Status.STOPPED, message="another garbage collection is running")
            state = await self._mark(_steps(job_input), job_input, lease.fence)
        if not job_input.dry_run:
            await self._sweep(_steps(job_input), job_input, state)
        return JobOutcome(status=Status.SUCCESS)

    async def _mark(self, steps: Steps, job_input: GarbageInput, fence: int) -> HandedOver:
        held = HeldLease(fence=fence)
        deleted = 0
        done = job_input.dry_run
        while not done:
            untagged = await steps.work(GC_UNTAGGED, UntaggedStep(lease=held), Untagged)
            heed_cancellation()
            deleted, done = deleted + untagged.manifests, untagged.done
        mark = MarkStep(lease=None if job_input.dry_run else held, deleted=deleted)
        marked = await steps.work(GC_MARK, mark, Marked)
        heed_cancellation()
        workflow.set_current_details(
            f"{marked.blobs} blobs eligible, {marked.bytes} bytes; {deleted} untagged manifests deleted"
        )
        return HandedOver(fence=fence, cutoff_ms=marked.cutoff_ms, cursors=[0] * job_input.workers)

    async def _sweep(self, steps: Steps, job_input: GarbageInput, state: HandedOver) -> None:
        held = HeldLease(fence=state.fence)
        cursors = list(state.cursors)
        blobs = size = 0
        while any(cursor != _DONE for cursor in cursors):
            open_shares = [share for share, cursor in enumerate(cursors) if cursor != _DONE]
            swept = await all_to_the_end(
                [
                    steps.work(
                        GC_SWEEP,
                        SweepStep(
                            lease=held,
                            cutoff_ms=state.cutoff_ms,
                            share=share,
                            shares=len(cursors),
                            cursor=cursors[share],
                        ),
                        Swept,
                    )
                    for share in open_shares
                ]
            )
            heed_cancellation()
            for share, result in zip(open_shares, swept, strict=True):
                cursors[share] = result.cursor
                blobs, size = blobs + result.blobs, size + result.bytes
            workflow.set_current_details(f"{blobs} blobs deleted, {size} bytes freed")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replace(job_input, handed_over=replace(state, cursors=cursors)))


def _steps(job_input: GarbageInput) -> Steps:
    """Return steps whose heartbeat timeout is well below the duration of the lease."""
    return Steps(
        GARBAGE_COLLECTION.queue, min(_SILENCE, timedelta(milliseconds=job_input.lease_ms) / _SILENCES_PER_LEASE)
    )


@workflow.defn(name=UPLOAD_PURGE_JOB.workflow)
class UploadPurge:
    """Deletes abandoned upload sessions with their bytes."""

    @workflow.run
    async def run(self, job_input: PurgeInput) -> JobOutcome:
        """Run the purge until nothing is left."""
        return await run_job(job_input, self._purge)

    async def _purge(self, _job_input: PurgeInput) -> JobOutcome:
        purged = Purged(sessions=0, objects=0, done=False)
        sessions = objects = 0
        while not purged.done:
            purged = await Steps(UPLOAD_PURGE_JOB.queue).work(UPLOAD_PURGE, PurgeStep(), Purged)
            heed_cancellation()
            sessions, objects = sessions + purged.sessions, objects + purged.objects
            workflow.set_current_details(_purged(sessions, objects))
        return JobOutcome(status=Status.SUCCESS, message=_purged(sessions, objects))


def _purged(sessions: int, objects: int) -> str:
    return f"{sessions} upload sessions and {objects} lost objects purged"
