"""The product's worker with one more job: ``python -m tests.support.marking.worker``."""

from typing import Final

from tests.support.extended_worker import run_with
from tests.support.marking.activities import MarkingActivities
from tests.support.marking.contracts import MARKING
from tests.support.marking.workflow import Marking
from workflows.job_types import Job

ROW: Final = Job(kind=MARKING, workflow=Marking, activities=MarkingActivities)


if __name__ == "__main__":
    run_with(ROW)
