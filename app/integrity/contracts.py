"""The job that checks the storage: its type, its input, and what its activities are called and given."""

from dataclasses import dataclass

from app.jobs.contracts import JobInput, JobOutcome, JobType, Queue

CHECK_PLAN = "storage_check_plan"
"""Activity PlanStep -> Planned: which blobs the run reads, decided once."""
CHECK_READ = "storage_check_read"
"""Activity ReadStep -> Checked: the next blobs are read, for at most a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInput(JobInput):
    """What a check is to read."""

    sample: str = ""
    """A part of the blobs, as in ``5%``, or a number of them; empty for all."""
    resumes: int = 0
    """The execution that was cut off and is gone on with; 0 to begin anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """Asks for the run's plan; what it is to read stands with its execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """How many blobs the run reads; None while another check is running."""

    blobs: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStep:
    """Asks for the next blobs; how far the run is stands with its execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the run has seen so far; ``done`` is False when there is more."""

    blobs: int
    bytes: int
    damaged: int
    unreadable: int
    done: bool


STORAGE_CHECK: JobType[CheckInput, JobOutcome] = JobType(
    workflow="StorageCheck", vendor="STORAGE_CHECK", noun="storage-check", queue=Queue.GARBAGE
)
