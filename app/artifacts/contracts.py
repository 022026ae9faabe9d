"""The job type of deletions: chosen tags and artifacts, or what a large repository holds."""

from dataclasses import dataclass
from typing import Final

from app.jobs.contracts import FanOut, FanOutInput, JobOutcome, JobType, Queue

DELETION_PLAN: Final = "deletion_plan"
"""Activity PlanStep -> Planned: the tasks are inserted with the execution, so there is nothing to add."""
DELETION_STEP: Final = "deletion_step"
"""Activity SliceStep -> SliceDone: deletes what the tasks name, one after another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionInput(FanOutInput):
    """Where is deleted, and in whose name."""

    repository: str = ""
    """The full name."""
    operator: str = ""
    """The caller's name, which the audit log shows."""
    hidden_id: int = 0
    """The id of the repository that is deleted as a whole; 0 for chosen tags and artifacts."""


DELETION: Final[JobType[DeletionInput, JobOutcome]] = JobType(
    workflow="Deletion", vendor="DELETION", noun="deletion", queue=Queue.GARBAGE, concurrency=2
)
DELETION_PARTS: Final = FanOut(plan=DELETION_PLAN, step=DELETION_STEP, queue=DELETION.queue, window=1, batches=1)
"""One task at a time, as an index must go before what it lists."""
