"""How the worker hears of work: the bell, and an index on what is not dispatched."""

import threading
import time

import pytest
import sqlalchemy as sa

from app.context import Context, Ports
from app.jobs.contracts import JobInput, JobOutcome, JobType, Trigger
from app.jobs.listener import BellListener
from app.jobs.models import Execution
from app.jobs.service import JobService

JOB: JobType[JobInput, JobOutcome] = JobType(workflow="Tidying", vendor="TIDYING", noun="tidying")


def test_the_bell_wakes_the_listener(ports: Ports, ctx: Context) -> None:
    listener, stop = BellListener(ports.db), threading.Event()
    listener.wait(stop)
    later = threading.Timer(0.1, lambda: JobService(ctx).start(JOB, JobInput(), trigger=Trigger.EVENT))
    later.start()
    begun = time.monotonic()
    listener.wait(stop)
    took = time.monotonic() - begun
    later.join()
    listener.close()
    assert took < 0.9


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_undispatched_rows_are_found_by_their_index(ports: Ports) -> None:
    statement = sa.select(Execution.id).where(Execution.dispatched_at.is_(None), Execution.end_time.is_(None))
    plan = ports.db.rows(sa.text(f"EXPLAIN QUERY PLAN {statement.order_by(Execution.id)}"))
    assert any("ix_execution_undispatched" in row[-1] for row in plan)
