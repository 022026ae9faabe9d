"""The product's worker with one more job: ``python -m tests.support.tidying.worker``."""

from typing import Final

from tests.support.extended_worker import run_with
from tests.support.tidying.activities import TidyingActivities, install
from tests.support.tidying.contracts import TIDYING
from tests.support.tidying.workflow import Tidying
from workflows.job_types import Job

ROW: Final = Job(kind=TIDYING, workflow=Tidying, activities=TidyingActivities, install=install)


if __name__ == "__main__":
    run_with(ROW)
