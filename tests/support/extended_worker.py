"""The product's worker with one job more than the product has."""

import asyncio

from app.settings import load
from app.telemetry.logging import configure_logging
from app.wiring import build
from workflows import worker
from workflows.job_types import JOBS, Job


def run_with(job: Job) -> None:
    """Run the worker until it is told to stop."""
    settings = load()
    configure_logging(settings.log)
    asyncio.run(worker._main(build(settings), (*JOBS, job)))
