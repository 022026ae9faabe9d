"""The steps of garbage collection and of the purge of upload sessions; each can be taken again after any crash.

Each goes by the execution row of its workflow, and refuses to work without one.
"""

from collections.abc import Callable, Sequence
from typing import Any

from temporalio import activity

from activities.context import beating, go_on, own_run
from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.core.errors import PreconditionError
from app.garbage import contracts, lease, service
from app.garbage.contracts import (
    AcquireStep,
    GarbageInput,
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
from app.garbage.marking import mark
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
        return (self.acquire, self.untagged, self.mark, self.sweep, self.release)

    @activity.defn(name=contracts.GC_ACQUIRE, no_thread_cancel_exception=True)
    def acquire(self, _step: AcquireStep) -> Lease:
        """Take the write lease; a dry run needs none."""
        run, asked = self._asked()
        if asked.dry_run:
            run.log("dry run: nothing is deleted and writes go on")
            return Lease(fence=0)
        fence = lease.acquire(run.ctx, run.workflow_id, asked.lease_ms)
        run.log("another garbage collection is running" if fence is None else "the registry is read-only")
        return Lease(fence=fence)

    @activity.defn(name=contracts.GC_UNTAGGED, no_thread_cancel_exception=True)
    def untagged(self, step: UntaggedStep) -> Untagged:
        """Delete untagged artifacts that are old enough."""
        return UntaggedDeletion(*self._asked_to_delete(), step).run(go_on)

    @activity.defn(name=contracts.GC_MARK, no_thread_cancel_exception=True)
    def mark(self, step: MarkStep) -> Marked:
        """Count what is eligible and say so in the log."""
        run, asked = self._asked()
        keep = lease.WriteLease(run, asked, step.lease).keep if step.lease else _nothing
        with beating(keep):
            marked = mark(run.ctx, asked)
        manifests = marked.manifests + step.deleted
        run.log(f"workers: {asked.workers}")
        run.log(f"{marked.blobs} blobs and {manifests} manifests eligible for deletion, {marked.bytes} bytes")
        if asked.dry_run:
            run.count(
                {"purged_blobs": marked.blobs, "purged_manifests": manifests, "freed_space": marked.bytes}, set_to=True
            )
        return marked

    @activity.defn(name=contracts.GC_SWEEP, no_thread_cancel_exception=True)
    def sweep(self, step: SweepStep) -> Swept:
        """Free one share for at most a minute."""
        return Sweep(*self._asked_to_delete(), step).run(go_on)

    @activity.defn(name=contracts.GC_RELEASE, no_thread_cancel_exception=True)
    def release(self, outcome: JobOutcome) -> None:
        """Give the lease back and end the execution in one transaction."""
        run = own_run(self._ports)
        with run.ctx.write():
            if lease.release(run.ctx, run.workflow_id):
                run.log("the registry takes writes again")
            if run.finish(outcome.status, outcome.message):
                run.log(f"the run ended: {outcome.status}" + (f", {outcome.message}" if outcome.message else ""))

    def _asked(self) -> tuple[JobRun, GarbageInput]:
        run = own_run(self._ports)
        return run, GarbageInput.of(run.asked_for())

    def _asked_to_delete(self) -> tuple[JobRun, GarbageInput]:
        run, asked = self._asked()
        if asked.dry_run:
            raise PreconditionError("a dry run deletes nothing")
        return run, asked


class UploadPurgeActivities:
    """The purge's step on this worker's ports."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """What a worker registers."""
        return (self.purge,)

    @activity.defn(name=contracts.UPLOAD_PURGE, no_thread_cancel_exception=True)
    def purge(self, _step: PurgeStep) -> Purged:
        """Purge sessions for at most a minute."""
        run = own_run(self._ports)
        return UploadPurge(run, PurgeInput.of(run.asked_for())).run(go_on)


def _nothing() -> None:
    """A dry run has no lease to keep."""


def install_collections(ports: Ports) -> None:
    """Bring the schedule of collections in line with the settings, at a worker's start."""
    service.install_collections(Context(ports, SYSTEM))


def install_purges(ports: Ports) -> None:
    """Bring the schedule of the purge in line with the settings, at a worker's start."""
    service.install_purges(Context(ports, SYSTEM))
