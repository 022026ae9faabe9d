"""Jobs as rows: asked for, stopped, dispatched, settled; on both databases, against an engine that the test plays."""

import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.context import Context, Ports
from app.core.errors import FieldInvalid, NotFoundError, UnavailableError
from app.db import gate
from app.jobs.contracts import JobInput, JobOutcome, JobType, Status, Trigger
from app.jobs.dispatcher import Dispatcher
from app.jobs.engine import WorkflowState
from app.jobs.models import WorkerProcess
from app.jobs.presence import Presence, alive
from app.jobs.reconciler import Reconciler
from app.jobs.runs import JobRun
from app.jobs.schedules import ScheduleService
from app.jobs.service import ExecutionRef, JobService
from app.jobs.turn import turn
from tests.support.clock import MovableClock
from tests.support.played_engine import PlayedEngine

JOB: JobType[JobInput, JobOutcome] = JobType(workflow="Tidying", vendor="TIDYING", noun="tidying", kept=3)


@pytest.fixture
def engine() -> PlayedEngine:
    return PlayedEngine()


@pytest.fixture
def dispatcher(ports: Ports, engine: PlayedEngine) -> Dispatcher:
    return Dispatcher(ports, engine)


@pytest.fixture
def reconciler(ports: Ports, engine: PlayedEngine) -> Reconciler:
    return Reconciler(ports, engine, [JOB])


def start(ctx: Context) -> ExecutionRef:
    service = JobService(ctx)
    return service.execution(service.start(JOB, JobInput(), trigger=Trigger.MANUAL))


def now(ctx: Context, execution: ExecutionRef) -> ExecutionRef:
    return JobService(ctx).execution(execution.id)


def test_a_job_is_asked_for_by_a_row_and_dispatched_once(
    ctx: Context, dispatcher: Dispatcher, engine: PlayedEngine
) -> None:
    asked = start(ctx)
    assert (asked.status, asked.trigger, asked.operator) == ("Pending", "MANUAL", "harbor")
    assert asked.workflow_id.startswith(f"tidying-0-{asked.id}-")
    assert dispatcher.turn() == 1
    assert dispatcher.turn() == 0
    assert engine.inputs == {asked.workflow_id: {"schedule_id": 0, "project": "", "policy": ""}}


def test_a_job_of_a_transaction_that_rolls_back_was_never_asked_for(ctx: Context, dispatcher: Dispatcher) -> None:
    def ask_and_fail() -> None:
        with ctx.write():
            JobService(ctx).start(JOB, JobInput(), trigger=Trigger.EVENT)
            raise NotFoundError

    with pytest.raises(NotFoundError):
        ask_and_fail()
    assert dispatcher.turn() == 0


def test_what_is_asked_for_while_the_engine_is_away_waits(
    ctx: Context, dispatcher: Dispatcher, engine: PlayedEngine
) -> None:
    engine.away = True
    asked = start(ctx)
    with pytest.raises(UnavailableError):
        dispatcher.turn()
    assert now(ctx, asked).status == "Pending"
    engine.away = False
    assert dispatcher.turn() == 1


def test_a_refused_start_is_the_executions_error(ctx: Context, dispatcher: Dispatcher, engine: PlayedEngine) -> None:
    engine.refusing = True
    asked = start(ctx)
    dispatcher.turn()
    assert (now(ctx, asked).status, now(ctx, asked).status_message) == ("Error", "no such queue")
    assert dispatcher.turn() == 0


def test_stopping_before_dispatch_ends_at_once(ctx: Context, dispatcher: Dispatcher, engine: PlayedEngine) -> None:
    asked = start(ctx)
    JobService(ctx).stop(asked.id)
    assert now(ctx, asked).status == "Stopped"
    assert (dispatcher.turn(), engine.workflows) == (0, {})


def test_stopping_after_dispatch_cancels_once(ctx: Context, dispatcher: Dispatcher, engine: PlayedEngine) -> None:
    asked = start(ctx)
    dispatcher.turn()
    JobService(ctx).stop(asked.id)
    JobService(ctx).stop(asked.id)
    assert now(ctx, asked).status == "Pending"
    dispatcher.turn()
    dispatcher.turn()
    assert engine.cancelled == [asked.workflow_id]


def test_a_stop_that_meets_the_start_wins(ctx: Context, dispatcher: Dispatcher, engine: PlayedEngine) -> None:
    asked = start(ctx)
    engine.during = lambda: JobService(ctx).stop(asked.id)
    dispatcher.turn()
    run = JobRun(ctx, asked.workflow_id, JOB.workflow)
    assert run.begin(0).go_on is False
    assert now(ctx, asked).status == "Stopped"


def test_stopping_what_is_not_there(ctx: Context) -> None:
    with pytest.raises(NotFoundError):
        JobService(ctx).stop(4711)


def test_a_run_counts_logs_and_ends_for_good(ctx: Context) -> None:
    asked = start(ctx)
    run = JobRun(ctx, asked.workflow_id, JOB.workflow)
    begun = run.begin(0)
    assert (begun.execution_id, begun.go_on) == (asked.id, True)
    run.count({"done": 2})
    run.count({"done": 3, "left": 1})
    run.log("first")
    run.log("second")
    assert run.finish(Status.SUCCESS)
    assert not run.finish(Status.ERROR, "too late")
    ended = now(ctx, asked)
    assert (ended.status, ended.status_message, ended.extra_attrs) == ("Success", "", {"done": 5, "left": 1})
    assert [line.split(" ", 1)[1] for line in JobService(ctx).log(asked.id).splitlines()] == ["first", "second"]


def test_a_run_that_was_asked_to_stop_does_not_begin(ctx: Context, dispatcher: Dispatcher) -> None:
    asked = start(ctx)
    dispatcher.turn()
    JobService(ctx).stop(asked.id)
    assert JobRun(ctx, asked.workflow_id, JOB.workflow).begin(0).go_on is False
    assert now(ctx, asked).status == "Stopped"


def test_schedules_are_carried_over_and_removed(ctx: Context, dispatcher: Dispatcher, engine: PlayedEngine) -> None:
    service = ScheduleService(ctx)
    schedule_id = service.put(JOB, JobInput(), expression="0 0 0 * * *", kind="Daily")
    dispatcher.turn()
    made = engine.schedules["schedule-TIDYING-0"]
    assert (made.cron, made.input) == (("0 0 0 * * * *",), {"schedule_id": schedule_id, "project": "", "policy": ""})
    assert service.put(JOB, JobInput(), expression="0 0 0 * * *", kind="Daily") == schedule_id
    assert dispatcher.turn() == 0
    service.put(JOB, JobInput(), expression="0 0 * * * *", kind="Hourly")
    dispatcher.turn()
    assert engine.schedules["schedule-TIDYING-0"].cron == ("0 0 * * * * *",)
    assert service.remove(JOB)
    assert not service.remove(JOB)
    assert service.find(JOB) is None
    dispatcher.turn()
    assert engine.schedules == {}


def test_a_bad_cron_is_refused(ctx: Context) -> None:
    with pytest.raises(FieldInvalid):
        ScheduleService(ctx).put(JOB, JobInput(), expression="whenever", kind="Custom")


def test_a_schedule_that_changes_while_it_is_carried_over_is_carried_over_again(
    ctx: Context, dispatcher: Dispatcher, engine: PlayedEngine
) -> None:
    service = ScheduleService(ctx)
    service.put(JOB, JobInput(), expression="0 0 0 * * *", kind="Daily")

    def change() -> None:
        engine.during = lambda: None
        service.put(JOB, JobInput(), expression="0 0 * * * *", kind="Hourly")

    engine.during = change
    dispatcher.turn()
    assert dispatcher.turn() == 1
    assert engine.schedules["schedule-TIDYING-0"].cron == ("0 0 * * * * *",)


def test_a_scheduled_run_makes_its_row(ctx: Context) -> None:
    schedule_id = ScheduleService(ctx).put(JOB, JobInput(), expression="0 0 0 * * *", kind="Daily")
    begun = JobRun(ctx, "schedule-TIDYING-0-2026", JOB.workflow).begin(schedule_id)
    found = JobService(ctx).execution(begun.execution_id)
    assert (found.trigger, found.status, found.vendor_type) == ("SCHEDULE", "Running", "TIDYING")
    assert JobRun(ctx, "schedule-TIDYING-0-2026", JOB.workflow).begin(schedule_id).execution_id == begun.execution_id


def test_a_run_without_row_and_schedule_has_no_business(ctx: Context) -> None:
    with pytest.raises(NotFoundError):
        JobRun(ctx, "nobody-0-1-abcd", JOB.workflow).begin(0)


def test_the_reconciler_settles_what_ended_unseen(
    ctx: Context, dispatcher: Dispatcher, reconciler: Reconciler, engine: PlayedEngine, clock: MovableClock
) -> None:
    asked, running = start(ctx), start(ctx)
    dispatcher.turn()
    engine.workflows[asked.workflow_id] = WorkflowState(running=False, status=Status.STOPPED, message="terminated")
    reconciler.pass_once()
    assert now(ctx, asked).status == "Pending"
    clock.forward(121)
    reconciler.pass_once()
    assert (now(ctx, asked).status, now(ctx, asked).status_message) == ("Stopped", "terminated")
    assert now(ctx, running).status == "Pending"


def test_a_lost_workflow_that_never_began_is_dispatched_once_more(
    ctx: Context, dispatcher: Dispatcher, reconciler: Reconciler, engine: PlayedEngine, clock: MovableClock
) -> None:
    asked = start(ctx)
    dispatcher.turn()
    for expected in ("Pending", "Error"):
        engine.workflows.clear()
        clock.forward(301)
        reconciler.pass_once()
        assert now(ctx, asked).status == expected
        assert dispatcher.turn() == (1 if expected == "Pending" else 0)
    assert now(ctx, asked).status_message == "workflow lost"


def test_a_lost_workflow_that_had_begun_is_an_error(
    ctx: Context, dispatcher: Dispatcher, reconciler: Reconciler, engine: PlayedEngine, clock: MovableClock
) -> None:
    asked = start(ctx)
    dispatcher.turn()
    JobRun(ctx, asked.workflow_id, JOB.workflow).begin(0)
    engine.workflows.clear()
    clock.forward(301)
    reconciler.pass_once()
    assert now(ctx, asked).status == "Error"


def test_schedules_that_the_engine_lost_come_back(
    ctx: Context, dispatcher: Dispatcher, reconciler: Reconciler, engine: PlayedEngine
) -> None:
    ScheduleService(ctx).put(JOB, JobInput(), expression="0 0 0 * * *", kind="Daily")
    dispatcher.turn()
    engine.schedules.clear()
    reconciler.pass_once()
    dispatcher.turn()
    assert list(engine.schedules) == ["schedule-TIDYING-0"]


def test_the_reconciler_forgets_expired_leases_and_silent_workers(
    ports: Ports, ctx: Context, reconciler: Reconciler
) -> None:
    presence = Presence(ports, ["registry-wf"], "1", lambda: True)
    presence.beat()
    assert alive(ports) == 1
    with ctx.write() as session:
        gate.acquire(session, "gone", 1)
        old = WorkerProcess.heartbeat_at - int(timedelta(minutes=11).total_seconds() * 1000)
        session.execute(sa.update(WorkerProcess).values(heartbeat_at=old))
    time.sleep(0.01)
    reconciler.pass_once()
    with ctx.read() as session:
        assert gate.state(session).holder is None
        assert session.execute(sa.select(sa.func.count()).select_from(WorkerProcess)).scalar_one() == 0


def test_one_reconciler_works_at_a_time(ports: Ports, reconciler: Reconciler) -> None:
    with turn(ports.db, "reconciler", 727003) as mine:
        assert mine
        assert reconciler.pass_once() is False
    assert reconciler.pass_once() is True


def test_an_orderly_end_leaves_no_worker_row(ports: Ports) -> None:
    stop = threading.Event()
    stop.set()
    Presence(ports, ["registry-wf"], "1", lambda: False).run(stop)
    assert alive(ports) == 0
