"""The job types of garbage collection, with the names, inputs and results of their activities."""

from dataclasses import dataclass

from app.jobs.contracts import JobInput, JobOutcome, JobType, Queue

GC_ACQUIRE = "gc_acquire"
"""Activity AcquireStep -> Lease: takes the write lease unless another collection holds it."""
GC_UNTAGGED = "gc_untagged"
"""Activity UntaggedStep -> Untagged: deletes untagged artifacts older than the time window."""
GC_MARK = "gc_mark"
"""Activity MarkStep -> Marked: counts what is eligible for deletion and sets the cutoff."""
GC_SWEEP = "gc_sweep"
"""Activity SweepStep -> Swept: deletes one share of the eligible blobs, for at most a minute."""
GC_RELEASE = "gc_release"
"""Activity JobOutcome -> None: releases the lease and ends the execution in one transaction."""
UPLOAD_PURGE = "upload_purge"
"""Activity PurgeStep -> Purged: deletes abandoned and finished upload sessions, for at most a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """The progress of a sweep when its workflow continues as new."""

    fence: int
    cutoff_ms: int
    cursors: list[int]
    """Per share the last queue row that was processed; -1 when the share is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageInput(JobInput):
    """The parameters of a garbage collection, with the settings copied so that they stay the same during a run.

    The input in the execution row is used. The one that the workflow was started with is only shown.
    """

    delete_untagged: bool = False
    delete_tag: bool = False
    dry_run: bool = False
    workers: int = 1
    window_ms: int = 7_200_000
    """Content that has been unreferenced or untagged for less than this is kept."""
    lease_ms: int = 120_000
    handed_over: HandedOver | None = None
    """Set when the workflow continued as new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquireStep:
    """Request for the write lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The fence of the lease that was taken: 0 in a dry run, which needs none, None while another collection has it."""

    fence: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLease:
    """The lease that an activity works under, renews, and stops without."""

    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UntaggedStep:
    """Request to delete artifacts that have been untagged for longer than the time window."""

    lease: HeldLease


@dataclass(frozen=True, slots=True, kw_only=True)
class Untagged:
    """How many artifacts were deleted; ``done`` is False when there may be more."""

    manifests: int
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkStep:
    """Request to count what is eligible for deletion; without a lease in a dry run."""

    lease: HeldLease | None
    deleted: int = 0
    """Manifests that this run has deleted already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What is eligible for deletion: content unreferenced since before ``cutoff_ms``, with its size in bytes."""

    cutoff_ms: int
    blobs: int
    manifests: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepStep:
    """One share of a sweep: the blobs whose id modulo ``shares`` is ``share``."""

    lease: HeldLease
    cutoff_ms: int
    share: int
    shares: int
    cursor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """The progress of a share, and what this step deleted; cursor -1 when the share is done."""

    cursor: int
    blobs: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeInput(JobInput):
    """The parameters of a purge of upload sessions."""

    expiry_seconds: int = 604_800
    finished_seconds: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeStep:
    """Request to delete upload sessions that have expired or were finished a while ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """How many sessions and lost objects were deleted; ``done`` is False when there may be more."""

    sessions: int
    objects: int
    done: bool


GARBAGE_COLLECTION: JobType[GarbageInput, JobOutcome] = JobType(
    workflow="GarbageCollection",
    vendor="GARBAGE_COLLECTION",
    noun="gc",
    queue=Queue.GARBAGE,
    concurrency=10,
)
UPLOAD_PURGE_JOB: JobType[PurgeInput, JobOutcome] = JobType(
    workflow="UploadPurge", vendor="SYSTEM_ARTIFACT_CLEANUP", noun="upload-purge", queue=Queue.GARBAGE
)
