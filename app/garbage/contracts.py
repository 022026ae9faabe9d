"""The jobs of garbage collection: their types, inputs, and what their activities are called and given."""

from dataclasses import dataclass

from app.jobs.contracts import JobInput, JobOutcome, JobType, Queue

GC_ACQUIRE = "gc_acquire"
"""Activity AcquireStep -> Lease: the write lease is ours, or somebody else's."""
GC_UNTAGGED = "gc_untagged"
"""Activity UntaggedStep -> Untagged: untagged artifacts older than the window are gone."""
GC_MARK = "gc_mark"
"""Activity MarkStep -> Marked: what is eligible now, and the moment that decides."""
GC_SWEEP = "gc_sweep"
"""Activity SweepStep -> Swept: one share of what is eligible, for at most a minute."""
GC_RELEASE = "gc_release"
"""Activity JobOutcome -> None: the lease is given back and the execution final, in one transaction."""
UPLOAD_PURGE = "upload_purge"
"""Activity PurgeStep -> Purged: sessions nobody continues are gone, for at most a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A collection in its sweep, as it passes from one history to the next."""

    fence: int
    cutoff_ms: int
    cursors: list[int]
    """Per share: the last queue row it is done with; -1 when the share is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageInput(JobInput):
    """What a collection is to do; settings come by value, so that all of a run goes by the same.

    It counts as the execution row has it. What a workflow was started with is for looking at.
    """

    delete_untagged: bool = False
    delete_tag: bool = False
    dry_run: bool = False
    workers: int = 1
    window_ms: int = 7_200_000
    """Content unreferenced, or untagged, for less than this is spared."""
    lease_ms: int = 120_000
    handed_over: HandedOver | None = None
    """Set when a run continues in a new history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquireStep:
    """Asks for the write lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The answer: ours under ``fence`` (0 in a dry run, which needs none), or None while another collection has it."""

    fence: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLease:
    """A lease that an activity works under; it renews it and stops when it is lost."""

    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UntaggedStep:
    """Asks for the deletion of artifacts that have had no tag for the window."""

    lease: HeldLease


@dataclass(frozen=True, slots=True, kw_only=True)
class Untagged:
    """How many artifacts went; ``done`` is False when there may be more."""

    manifests: int
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkStep:
    """Asks what is eligible; without a lease in a dry run."""

    lease: HeldLease | None
    deleted: int = 0
    """Manifests that this run has deleted already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What is eligible: rows of the queue from before ``cutoff_ms``."""

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
    """How far a share has come; cursor -1 when it is done."""

    cursor: int
    blobs: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeInput(JobInput):
    """What a purge of upload sessions is to do."""

    expiry_seconds: int = 604_800
    finished_seconds: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeStep:
    """Asks for the end of sessions that nobody has touched for long, or that were finished a while ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """How many sessions and lost objects went; ``done`` is False when there may be more."""

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
