"""The product's worker with one more job: ``python -m tests.support.marking.worker``."""

import asyncio
from typing import Final

from app.settings import load
from app.telemetry.logging import configure_logging
from app.wiring import build
from tests.support.marking.activities import MarkingActivities
from tests.support.marking.contracts import MARKING
from tests.support.marking.workflow import Marking
from workflows import worker
from workflows.job_types import JOBS, Job

ROW: Final = Job(kind=MARKING, workflow=Marking, activities=MarkingActivities)


def main() -> None:
    """Run the worker."""
    settings = load()
    configure_logging(settings.log)
    asyncio.run(worker._main(build(settings), (*JOBS, ROW)))


if __name__ == "__main__":
    main()
