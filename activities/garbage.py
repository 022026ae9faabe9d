"""The activities of garbage collection and of the upload purge; each is idempotent, also after a crash.

Each uses the input in the execution row of its workflow, and fails without a row.
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
    """The activities of garbage collection."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return the activities that a worker registers."""
        return (self.acquire, self.untagged, self.mark, self.sweep, self.release)

    @activity.defn(name=contracts.GC_ACQUIRE, no_thread_cancel_exception=True)
    def acquire(self, _step: AcquireStep) -> Lease:
        """Take the write lease, except in a dry run."""
        run, job_input = self._run_and_input()
        if job_input.dry_run:
            run.log("dry run: nothing is deleted and writes go on")
            return Lease(fence=0)
        fence = lease.acquire(run.ctx, run.workflow_id, job_input.lease_ms)
        run.log("another garbage collection is running" if fence is None else "the registry is read-only")
        return Lease(fence=fence)

    @activity.defn(name=contracts.GC_UNTAGGED, no_thread_cancel_exception=True)
    def untagged(self, step: UntaggedStep) -> Untagged:
        """Delete untagged artifacts older than the time window."""
        return UntaggedDeletion(*self._require_deletion(), step).run(go_on)

    @activity.defn(name=contracts.GC_MARK, no_thread_cancel_exception=True)
    def mark(self, step: MarkStep) -> Marked:
        """Count what is eligible for deletion and log it."""
        run, job_input = self._run_and_input()
        keep = lease.WriteLease(run, job_input, step.lease).keep if step.lease else _nothing
        with beating(keep):
            marked = mark(run.ctx, job_input)
        manifests = marked.manifests + step.deleted
        run.log(f"workers: {job_input.workers}")
        run.log(f"{marked.blobs} blobs and {manifests} manifests eligible for deletion, {marked.bytes} bytes")
        if job_input.dry_run:
            run.count(
                {"purged_blobs": marked.blobs, "purged_manifests": manifests, "freed_space": marked.bytes}, set_to=True
            )
        return marked

    @activity.defn(name=contracts.GC_SWEEP, no_thread_cancel_exception=True)
    def sweep(self, step: SweepStep) -> Swept:
        """Sweep one share for at most a minute."""
        return Sweep(*self._require_deletion(), step).run(go_on)

    @activity.defn(name=contracts.GC_RELEASE, no_thread_cancel_exception=True)
    def release(self, outcome: JobOutcome) -> None:
        """Release the lease and end the execution in one transaction."""
        run = own_run(self._ports)
        with run.ctx.write():
            if lease.release(run.ctx, run.workflow_id):
                run.log("the registry takes writes again")
            if run.finish(outcome.status, outcome.message):
                run.log(f"the run ended: {outcome.status}" + (f", {outcome.message}" if outcome.message else ""))

    def _run_and_input(self) -> tuple[JobRun, GarbageInput]:
        run = own_run(self._ports)
        return run, GarbageInput.of(run.require_input())

    def _require_deletion(self) -> tuple[JobRun, GarbageInput]:
        run, job_input = self._run_and_input()
        if job_input.dry_run:
            raise PreconditionError("a dry run deletes nothing")
        return run, job_input


class UploadPurgeActivities:
    """The activity of the upload purge."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return the activities that a worker registers."""
        return (self.purge,)

    @activity.defn(name=contracts.UPLOAD_PURGE, no_thread_cancel_exception=True)
    def purge(self, _step: PurgeStep) -> Purged:
        """Purge upload sessions for at most a minute."""
        run = own_run(self._ports)
        return UploadPurge(run, PurgeInput.of(run.require_input())).run(go_on)


def _nothing() -> None:
    """Do nothing, in place of renewing the lease in a dry run."""


def install_collections(ports: Ports) -> None:
    """Update the schedule of collections to the settings; called when a worker starts."""
    service.install_collections(Context(ports, SYSTEM))


def install_purges(ports: Ports) -> None:
    """Set the schedule of the upload purge from the settings; called when a worker starts."""
    service.install_purges(Context(ports, SYSTEM))
