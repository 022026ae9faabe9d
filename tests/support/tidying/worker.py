"""The product's worker with one more job: ``python -m tests.support.tidying.worker``."""

import asyncio
from typing import Final

from app.settings import load
from app.telemetry.logging import configure_logging
from app.wiring import build
from tests.support.tidying.activities import TidyingActivities, install
from tests.support.tidying.contracts import TIDYING
from tests.support.tidying.workflow import Tidying
from workflows import worker
from workflows.job_types import JOBS, Job

ROW: Final = Job(kind=TIDYING, workflow=Tidying, activities=TidyingActivities, install=install)


def main() -> None:
    """Run the worker."""
    settings = load()
    configure_logging(settings.log)
    asyncio.run(worker._main(build(settings), (*JOBS, ROW)))


if __name__ == "__main__":
    main()
