"""Changes of one schedule at once: each is carried over, and none undoes what another has just said."""

import sqlalchemy as sa

from app.context import Context, Ports
from app.garbage.contracts import GARBAGE_COLLECTION, GarbageInput
from app.garbage.service import install_collections
from app.jobs.contracts import JobInput, JobOutcome, JobType
from app.jobs.models import Schedule
from app.jobs.schedules import ScheduleService
from tests.support.overlap import overlapped

JOB: JobType[JobInput, JobOutcome] = JobType(workflow="Tidying", vendor="TIDYING", noun="tidying")
_MIDNIGHT = "0 0 0 * * *"
_NOON = "0 0 12 * * *"


def put(ctx: Context, cron: str) -> int:
    return ScheduleService(ctx).put(JOB, JobInput(), expression=cron, kind="Custom")


def generation(ctx: Context) -> int:
    with ctx.read() as session:
        return session.execute(sa.select(Schedule.generation).where(Schedule.vendor_type == JOB.vendor)).scalar_one()


def test_each_change_has_a_generation_of_its_own(ctx: Context, ports: Ports) -> None:
    put(ctx, "0 0 * * * *")
    before = generation(ctx)
    overlapped(ports, lambda first: put(first, _MIDNIGHT), lambda second: put(second, _NOON))
    assert generation(ctx) == before + 2
    overlapped(ports, lambda first: put(first, _MIDNIGHT), lambda second: ScheduleService(second).remove(JOB))
    assert generation(ctx) == before + 4


def test_a_worker_that_starts_brings_no_schedule_back(ctx: Context, ports: Ports) -> None:
    service = ScheduleService(ctx)
    service.put(GARBAGE_COLLECTION, GarbageInput(window_ms=1), expression=_MIDNIGHT, kind="Daily")
    overlapped(ports, lambda first: ScheduleService(first).remove(GARBAGE_COLLECTION), install_collections)
    assert service.find(GARBAGE_COLLECTION) is None


def test_a_worker_that_starts_keeps_when_collections_are_due(ctx: Context, ports: Ports) -> None:
    service = ScheduleService(ctx)
    service.put(GARBAGE_COLLECTION, GarbageInput(window_ms=1), expression=_MIDNIGHT, kind="Daily")

    def move(first: Context) -> None:
        ScheduleService(first).put(GARBAGE_COLLECTION, GarbageInput(window_ms=1), expression=_NOON, kind="Custom")

    overlapped(ports, move, install_collections)
    found = service.find(GARBAGE_COLLECTION)
    assert found is not None
    assert (found.cron, found.cron_type) == (_NOON, "Custom")
    assert found.input["window_ms"] == ports.settings.garbage.time_window.total_seconds() * 1000
