"""The steps of garbage collection and of the purge of upload sessions; each can be taken again after any crash."""

from collections.abc import Callable, Sequence
from typing import Any

from temporalio import activity

from activities.context import beating, context, go_on, workflow_id
from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.garbage import contracts, lease
from app.garbage.contracts import (
    AcquireStep,
    Lease,
    Marked,
    MarkStep,
    Purged,
    PurgeStep,
    SweepStep,
    Swept,
    Untagged,
    UntaggedStep,
)
from app.garbage.marking import mark
from app.garbage.service import install
from app.garbage.sweep import Sweep
from app.garbage.untagged import UntaggedDeletion
from app.garbage.uploads import UploadPurge
from app.jobs.contracts import JobOutcome
from app.jobs.runs import JobRun


class GarbageActivities:
    """Garbage collection's steps on this worker's ports."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """What a worker registers."""
        return (self.acquire, self.untagged, self.mark, self.sweep, self.release, self.purge)

    @activity.defn(name=contracts.GC_ACQUIRE, no_thread_cancel_exception=True)
    def acquire(self, step: AcquireStep) -> Lease:
        """Take the write lease; a dry run needs none."""
        ctx, run = context(self._ports), self._run()
        if step.dry_run:
            run.log("dry run: nothing is deleted and writes go on")
            return Lease(fence=0)
        fence = lease.acquire(ctx, workflow_id(), step.lease_ms)
        run.log("another garbage collection is running" if fence is None else "the registry is read-only")
        return Lease(fence=fence)

    @activity.defn(name=contracts.GC_UNTAGGED, no_thread_cancel_exception=True)
    def untagged(self, step: UntaggedStep) -> Untagged:
        """Delete untagged artifacts that are old enough."""
        return UntaggedDeletion(context(self._ports), workflow_id(), step).run(go_on)

    @activity.defn(name=contracts.GC_MARK, no_thread_cancel_exception=True)
    def mark(self, step: MarkStep) -> Marked:
        """Count what is eligible and say so in the log."""
        ctx = context(self._ports)
        keep = lease.WriteLease(ctx, workflow_id(), step.lease).keep if step.lease else _nothing
        with beating(keep):
            marked = mark(ctx, step)
        run = self._run()
        manifests = marked.manifests + step.deleted
        run.log(f"workers: {step.workers}")
        run.log(f"{marked.blobs} blobs and {manifests} manifests eligible for deletion, {marked.bytes} bytes")
        if step.dry_run:
            run.count(
                {"purged_blobs": marked.blobs, "purged_manifests": manifests, "freed_space": marked.bytes}, set_to=True
            )
        return marked

    @activity.defn(name=contracts.GC_SWEEP, no_thread_cancel_exception=True)
    def sweep(self, step: SweepStep) -> Swept:
        """Free one share for at most a minute."""
        return Sweep(context(self._ports), workflow_id(), step).run(go_on)

    @activity.defn(name=contracts.GC_RELEASE, no_thread_cancel_exception=True)
    def release(self, outcome: JobOutcome) -> None:
        """Give the lease back and end the execution in one transaction."""
        ctx = context(self._ports)
        run = JobRun(ctx, workflow_id())
        with ctx.write():
            if lease.release(ctx, workflow_id()):
                run.log("the registry takes writes again")
            if run.finish(outcome.status, outcome.message):
                run.log(f"the run ended: {outcome.status}" + (f", {outcome.message}" if outcome.message else ""))

    @activity.defn(name=contracts.UPLOAD_PURGE, no_thread_cancel_exception=True)
    def purge(self, step: PurgeStep) -> Purged:
        """Purge sessions for at most a minute."""
        return UploadPurge(context(self._ports), workflow_id(), step).run(go_on)

    def _run(self) -> JobRun:
        return JobRun(context(self._ports), workflow_id())


def _nothing() -> None:
    """A dry run has no lease to keep."""


def install_schedules(ports: Ports) -> None:
    """Bring this feature's schedules in line with the settings, at a worker's start."""
    install(Context(ports, SYSTEM))
