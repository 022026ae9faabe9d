"""The job type of the storage check, with the names, inputs and results of its activities."""

from dataclasses import dataclass

from app.jobs.contracts import JobInput, JobOutcome, JobType, Queue

CHECK_PLAN = "storage_check_plan"
"""Activity PlanStep -> Planned: decides once which blobs the run reads."""
CHECK_READ = "storage_check_read"
"""Activity ReadStep -> Checked: reads the next blobs, for at most a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInput(JobInput):
    """The parameters of a storage check."""

    sample: str = ""
    """A percentage of the blobs (``5%``) or a number of blobs; empty for all."""
    resumes: int = 0
    """The interrupted execution to resume; 0 to begin from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """Request for the run's plan; its parameters are in the execution row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The number of blobs that the run reads; None while another check is running."""

    blobs: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStep:
    """Request to read the next blobs; the resume point is in the execution row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The counters of the run so far; ``done`` is False when there is more to read."""

    blobs: int
    bytes: int
    damaged: int
    unreadable: int
    done: bool


STORAGE_CHECK: JobType[CheckInput, JobOutcome] = JobType(
    workflow="StorageCheck", vendor="STORAGE_CHECK", noun="storage-check", queue=Queue.GARBAGE
)
