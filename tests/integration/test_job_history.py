"""What is forgotten of ended executions, with tasks and logs, on both databases."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.context import Context, Ports
from app.jobs import history
from app.jobs.contracts import FanOutInput, JobInput, JobOutcome, JobType, Status, Trigger
from app.jobs.history import History
from app.jobs.models import Execution, LogChunk, Task
from app.jobs.runs import JobRun
from app.jobs.schedules import ScheduleService
from app.jobs.service import JobService
from app.jobs.task_logs import Log
from tests.support.clock import MovableClock

JOB: JobType[JobInput, JobOutcome] = JobType(workflow="Tidying", vendor="TIDYING", noun="tidying", kept=3)
OTHER: JobType[JobInput, JobOutcome] = JobType(workflow="Other", vendor="OTHER", noun="other")


@pytest.fixture
def swept(ports: Ports) -> History:
    return History(ports, [JOB, OTHER])


def start(ctx: Context, job: JobType[JobInput, JobOutcome] = JOB, vendor_id: int = 0) -> int:
    return JobService(ctx).start(job, JobInput(), trigger=Trigger.MANUAL, vendor_id=vendor_id)


def end(ctx: Context, execution_id: int) -> int:
    run = JobRun(ctx, JobService(ctx).execution(execution_id).workflow_id, JOB.workflow)
    run.log("ends")
    run.finish(Status.SUCCESS)
    return execution_id


def give_tasks(ctx: Context, execution_id: int, count: int) -> None:
    now = ctx.ports.clock.now()
    times = {"creation_time": now, "update_time": now, "end_time": now}
    with ctx.write() as session:
        rows = [{"execution_id": execution_id, "natural_key": str(number), **times} for number in range(count)]
        session.execute(sa.insert(Task), rows)
        for task_id in session.execute(sa.select(Task.id).where(Task.execution_id == execution_id)).scalars().all():
            Log(task_id=task_id).append(session, now, ["done"])


def left(ctx: Context, table: type[Execution | Task | LogChunk]) -> int:
    with ctx.read() as session:
        return session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def ids(ctx: Context, vendor: str = JOB.vendor, vendor_id: int = 0) -> list[int]:
    own = sa.select(Execution.id).where(Execution.vendor_type == vendor, Execution.vendor_id == vendor_id)
    with ctx.read() as session:
        return list(session.execute(own.order_by(Execution.id)).scalars())


def test_the_newest_of_each_vendor_id_are_kept(ctx: Context, swept: History) -> None:
    mine = [end(ctx, start(ctx)) for _ in range(6)]
    others = [end(ctx, start(ctx, vendor_id=1)) for _ in range(2)]
    assert swept.sweep() == 3
    assert ids(ctx) == mine[-3:]
    assert ids(ctx, vendor_id=1) == others
    assert swept.sweep() == 0


def test_what_is_tried_again_is_kept_until_that_has_ended(ctx: Context, swept: History) -> None:
    earlier, *_ = [end(ctx, start(ctx)) for _ in range(3)]
    again = JobService(ctx).start(JOB, FanOutInput(retry_of=earlier), trigger=Trigger.MANUAL)
    assert swept.sweep() == 0
    assert ids(ctx)[0] == earlier
    end(ctx, again)
    assert swept.sweep() == 1
    assert earlier not in ids(ctx)


def test_what_has_not_ended_is_kept(ctx: Context, swept: History) -> None:
    running = start(ctx)
    for _ in range(5):
        end(ctx, start(ctx))
    swept.sweep()
    assert ids(ctx)[0] == running
    assert len(ids(ctx)) == 4


def test_scheduled_runs_count_as_all_others(ctx: Context, swept: History) -> None:
    schedule_id = ScheduleService(ctx).put(JOB, JobInput(), expression="0 0 0 * * *", kind="Daily")
    for number in range(5):
        run = JobRun(ctx, f"schedule-TIDYING-0-{number}", JOB.workflow)
        run.begin(schedule_id)
        run.finish(Status.SUCCESS)
    assert swept.sweep() == 2
    assert len(ids(ctx)) == 3


def test_what_is_too_old_goes_but_for_the_newest(ctx: Context, swept: History, clock: MovableClock) -> None:
    old = [end(ctx, start(ctx)) for _ in range(2)]
    clock.forward((history.AGE - timedelta(hours=1)).total_seconds())
    assert swept.sweep() == 0
    clock.forward(7200)
    assert swept.sweep() == 1
    assert ids(ctx) == old[-1:]


def test_tasks_and_logs_go_with_their_execution(ctx: Context, swept: History) -> None:
    many = end(ctx, start(ctx))
    give_tasks(ctx, many, 1100)
    kept = [end(ctx, start(ctx)) for _ in range(3)]
    give_tasks(ctx, kept[0], 2)
    assert swept.sweep() == 1
    assert ids(ctx) == kept
    assert (left(ctx, Task), left(ctx, LogChunk)) == (2, 2 + 3)


def test_a_long_history_goes_in_batches(ctx: Context, swept: History) -> None:
    now = ctx.ports.clock.now()
    facts = {"vendor_type": JOB.vendor, "trigger": "MANUAL", "workflow_type": "Tidying", "queue": "q", "input": {}}
    times = {"creation_time": now, "update_time": now, "end_time": now}
    with ctx.write() as session:
        rows = [{"workflow_id": f"w-{number}", **facts, **times} for number in range(233)]
        session.execute(sa.insert(Execution), rows)
    assert swept.sweep() == 230
    assert left(ctx, Execution) == 3
