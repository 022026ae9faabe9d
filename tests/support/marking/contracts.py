"""A job that exists only in the tests: each of its many cheap tasks writes its key into a file."""

from dataclasses import dataclass
from typing import Final

from app.jobs.contracts import FanOut, FanOutInput, JobOutcome, JobType, Queue

MARKING_PLAN: Final = "marking_plan"
MARKING_STEP: Final = "marking_step"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkingInput(FanOutInput):
    """How many tasks, where they write to, how many of a hundred fail until there is a file ``mended``.

    With ``broken_at`` the plan fails at that task.
    """

    tasks: int = 0
    folder: str = ""
    failing: int = 0
    broken_at: int = 0


MARKING: Final[JobType[MarkingInput, JobOutcome]] = JobType(
    workflow="Marking", vendor="MARKING", noun="marking", queue=Queue.GARBAGE, concurrency=8
)
MARKING_PARTS: Final = FanOut(plan=MARKING_PLAN, step=MARKING_STEP, queue=MARKING.queue, silence_seconds=5)
