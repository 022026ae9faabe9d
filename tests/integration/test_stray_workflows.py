"""Workflows that no row asks for are ended: by the hour, not all at once, and never those of others."""

from datetime import timedelta

import pytest

from app.context import Context, Ports
from app.core.errors import UnavailableError
from app.jobs.contracts import JobInput, JobOutcome, JobType, Status, Trigger
from app.jobs.engine import RunningWorkflow
from app.jobs.reconciler import Reconciler
from app.jobs.runs import JobRun
from app.jobs.service import JobService
from tests.support.clock import MovableClock
from tests.support.played_engine import PlayedEngine

JOB: JobType[JobInput, JobOutcome] = JobType(workflow="Tidying", vendor="TIDYING", noun="tidying")
GONE = "tidying-0-4711-0123abcd"


@pytest.fixture
def engine() -> PlayedEngine:
    return PlayedEngine()


@pytest.fixture
def reconciler(ports: Ports, engine: PlayedEngine) -> Reconciler:
    return Reconciler(ports, engine, [JOB])


@pytest.fixture
def long_ago(clock: MovableClock, engine: PlayedEngine) -> "LongAgo":
    return LongAgo(clock, engine)


class LongAgo:
    """Lets workflows have been running for two hours."""

    def __init__(self, clock: MovableClock, engine: PlayedEngine) -> None:
        self._clock = clock
        self._engine = engine

    def __call__(self, *names: str) -> None:
        started = self._clock.now() - timedelta(hours=2)
        for number, name in enumerate(names):
            self._engine.listed.append(RunningWorkflow(id=name, started=started - timedelta(seconds=number)))


def test_it_is_cancelled_and_an_hour_later_terminated(
    reconciler: Reconciler, engine: PlayedEngine, clock: MovableClock, long_ago: LongAgo
) -> None:
    long_ago(GONE, "schedule-TIDYING-0-2026-11-27T09:00:00Z")
    reconciler.pass_once()
    reconciler.pass_once()
    assert (engine.cancelled, engine.terminated) == ([workflow.id for workflow in engine.listed], [])
    clock.forward(3601)
    del engine.listed[1]
    reconciler.pass_once()
    assert (len(engine.cancelled), engine.terminated) == (2, [GONE])


@pytest.mark.parametrize(
    "name",
    [
        "nightly-backup",
        "tidying",
        "tidying-0-4711",
        f"{GONE}/1",
        "schedule-TIDYING",
        "schedule-TIDYING-0-2026-11-27T09:00:00Z/1",
        "Tidying-0-1-0123abcd",
    ],
)
def test_workflows_of_others_are_left_alone(
    reconciler: Reconciler, engine: PlayedEngine, long_ago: LongAgo, name: str
) -> None:
    long_ago(name)
    reconciler.pass_once()
    assert engine.cancelled == []


def test_what_is_asked_for_goes_on(
    ctx: Context, reconciler: Reconciler, engine: PlayedEngine, clock: MovableClock, long_ago: LongAgo
) -> None:
    service = JobService(ctx)
    going, ended = (service.execution(service.start(JOB, JobInput(), trigger=Trigger.MANUAL)) for _ in range(2))
    JobRun(ctx, ended.workflow_id, JOB.workflow).finish(Status.ERROR, "workflow lost")
    long_ago(going.workflow_id, ended.workflow_id)
    reconciler.pass_once()
    assert engine.cancelled == []
    clock.forward(3601)
    reconciler.pass_once()
    assert engine.cancelled == [ended.workflow_id]


def test_what_began_within_the_hour_may_have_no_row_yet(
    reconciler: Reconciler, engine: PlayedEngine, clock: MovableClock
) -> None:
    engine.listed.append(RunningWorkflow(id=GONE, started=clock.now() - timedelta(minutes=59)))
    reconciler.pass_once()
    assert engine.cancelled == []


def test_many_are_ended_over_several_checks(
    reconciler: Reconciler, engine: PlayedEngine, clock: MovableClock, long_ago: LongAgo
) -> None:
    long_ago(*(f"nightly-backup-{number}" for number in range(1200)))
    long_ago(*(f"tidying-0-{number}-0123abcd" for number in range(150)))
    reconciler.pass_once()
    assert len(engine.cancelled) == 100
    engine.listed = [workflow for workflow in engine.listed if workflow.id not in engine.cancelled]
    clock.forward(3601)
    reconciler.pass_once()
    assert len(set(engine.cancelled)) == 150
    assert engine.terminated == []


def test_an_engine_that_is_away_is_asked_again_at_the_next_pass(
    reconciler: Reconciler, engine: PlayedEngine, long_ago: LongAgo
) -> None:
    long_ago(GONE)
    engine.away = True
    with pytest.raises(UnavailableError):
        reconciler.pass_once()
    engine.away = False
    reconciler.pass_once()
    assert engine.cancelled == [GONE]
