"""A job that exists only in the tests: its type, its input, and what its activity is called and given."""

from dataclasses import dataclass

from app.jobs.contracts import JobInput, JobOutcome, JobType, Queue

TIDY = "tidy"
"""Activity TidyStep -> Tidied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyingInput(JobInput):
    """What is to be tidied."""

    rooms: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyStep:
    """Asks for one room."""

    room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidied:
    """What was found there."""

    things: int


TIDYING: JobType[TidyingInput, JobOutcome] = JobType(
    workflow="Tidying", vendor="TIDYING", noun="tidying", job_name="TIDY", queue=Queue.GARBAGE, concurrency=2, kept=2
)
