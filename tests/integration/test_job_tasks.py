"""Tasks as rows on both databases: inserted once, claimed, ended once, counted, tried again, stopped."""

from collections.abc import Iterable, Sequence

import pytest
import sqlalchemy as sa

from app.context import Context, Ports
from app.core.errors import InvalidError, NotFoundError, PreconditionError, UnavailableError
from app.core.paging import OffsetPage
from app.core.query import Exact, ListQuery, Term
from app.jobs import tasks
from app.jobs.contracts import JobOutcome, JobType, PlanStep, RangesStep, Status
from app.jobs.models import Execution
from app.jobs.reconciler import Reconciler
from app.jobs.runs import JobRun
from app.jobs.service import JobService
from app.jobs.task_service import TaskService
from app.jobs.task_work import TaskPage, TaskWork, Worked, plan, plan_failed
from app.jobs.tasks import NewTask, Progress, TaskCounters, TaskEnd
from tests.support.overlap import overlapped
from tests.support.played_engine import PlayedEngine
from tests.support.task_scene import JOB, LAST, CopyInput, Scene, begun


@pytest.fixture
def scene(ctx: Context) -> Scene:
    return begun(ctx)


def succeed(works: Sequence[TaskWork]) -> Iterable[TaskEnd]:
    return [TaskEnd(task=work.task) for work in works]


def test_tasks_are_inserted_once(scene: Scene) -> None:
    assert scene.insert("a", "b") == 2
    assert scene.insert("b", "c", "c") == 1
    assert scene.states() == dict.fromkeys("abc", ("Pending", 0))
    assert scene.insert() == 0


def test_what_is_too_much_is_refused(scene: Scene) -> None:
    with pytest.raises(InvalidError, match="501 tasks at once, at most 500"):
        scene.insert(*map(str, range(501)))
    with pytest.raises(InvalidError, match="a task's key is longer than 255 characters: xxx"):
        scene.insert("x" * 256)
    assert scene.insert(*map(str, range(500))) == 500


def test_a_task_is_claimed_and_ends_once(scene: Scene) -> None:
    scene.insert("a", "b")
    first, second = scene.claim()
    scene.end(TaskEnd(task=first), TaskEnd(task=second, status=Status.ERROR, reason="no such layer"))
    scene.end(TaskEnd(task=first, status=Status.ERROR, reason="too late"))
    assert scene.claim() == []
    assert scene.states() == {"a": ("Success", 1), "b": ("Error", 1)}
    shown = TaskService(scene.ctx).task(scene.id, second.id)
    assert (shown.status_message, shown.end_time is not None) == ("no such layer", True)


class TestTwoAttemptsAtOnce:
    """What one transaction has ended and not committed yet, another one neither claims nor ends again."""

    def test_a_task_that_ends_is_not_claimed(self, scene: Scene, ports: Ports) -> None:
        scene.insert("a", "b", "c")
        first, second, _ = scene.claim()
        ends = [TaskEnd(task=first), TaskEnd(task=second, status=Status.ERROR)]
        again = overlapped(ports, lambda ctx: scene.of(ctx).end(*ends), lambda ctx: scene.of(ctx).claim(limit=1))
        assert [task.key for task in again] == ["c"]
        assert scene.states() == {"a": ("Success", 1), "b": ("Error", 1), "c": ("Running", 2)}

    def test_a_task_that_ends_keeps_its_end(self, scene: Scene, ports: Ports) -> None:
        scene.insert("a", "b")
        done, _ = scene.claim()

        def stop(ctx: Context) -> int:
            with ctx.write() as session:
                return tasks.end_open(session, scene.id, Status.STOPPED, "stopped", ctx.ports.clock.now())

        assert overlapped(ports, lambda ctx: scene.of(ctx).end(TaskEnd(task=done)), stop) == 1
        assert scene.states() == {"a": ("Success", 1), "b": ("Stopped", 1)}


def test_who_lost_a_task_to_another_attempt_cannot_end_it(scene: Scene) -> None:
    scene.insert("a")
    (silent,) = scene.claim()
    (again,) = scene.claim()
    scene.end(TaskEnd(task=silent, status=Status.ERROR))
    assert scene.states() == {"a": ("Running", 2)}
    scene.end(TaskEnd(task=again))
    assert scene.states() == {"a": ("Success", 2)}


def test_progress_is_shown(scene: Scene) -> None:
    scene.insert("a")
    (task,) = scene.claim()
    with scene.ctx.write() as session:
        progress = Progress(step="copy", sentence="layer 2 of 3", done=2**40, total=2**41)
        tasks.show_progress(session, task, progress, scene.ctx.ports.clock.now())
    shown = TaskService(scene.ctx).task(scene.id, task.id)
    assert (shown.step, shown.status_message) == ("copy", "layer 2 of 3")
    assert (shown.bytes_done, shown.bytes_total) == (2**40, 2**41)


def test_counters_and_status_are_harbors(scene: Scene) -> None:
    assert (scene.counters(), scene.counters().status) == (TaskCounters(), None)
    scene.insert("a", "b", "c", "d")
    first, second, third = scene.claim(3)
    scene.end(TaskEnd(task=first), TaskEnd(task=second, status=Status.ERROR))
    expected = TaskCounters(
        task_count=4, success_task_count=1, error_task_count=1, running_task_count=1, pending_task_count=1
    )
    assert (scene.counters(), scene.counters().status) == (expected, "Running")
    scene.end(TaskEnd(task=third))
    with scene.ctx.write() as session:
        assert tasks.end_open(session, scene.id, Status.STOPPED, "stopped", scene.ctx.ports.clock.now()) == 1
    assert scene.counters().status == "Error"
    assert scene.counters().sentence == "4 tasks: 2 succeeded, 1 failed, 1 stopped"


def test_open_tasks_are_cut_into_ranges(scene: Scene, ctx: Context) -> None:
    begun(ctx).insert("another execution's")
    scene.insert(*"abcdefg")
    first, second = scene.claim(2)
    scene.end(TaskEnd(task=second))
    asked = RangesStep(workflow=JOB.workflow, size=2, count=2, after=0, upto=LAST)
    with ctx.read() as session:
        bounds = tasks.ranges(session, scene.id, asked)
        rest = tasks.ranges(session, scene.id, RangesStep(workflow="", size=2, count=9, after=bounds[-1][1], upto=LAST))
    a = first.id
    assert bounds == [(a, a + 2), (a + 3, a + 4)]
    assert rest == [(a + 5, a + 6)]


def test_a_plan_is_the_same_however_often_it_is_made(scene: Scene) -> None:
    pages = {"": ["a", "b"], "b": ["c"], "c": []}

    def page(cursor: str) -> TaskPage:
        keys = pages[cursor]
        return TaskPage(tasks=[NewTask(key=key) for key in keys], cursor=keys[-1] if keys else cursor, done=not keys)

    unfinished = plan(scene.run, PlanStep(), page, lambda: False)
    assert (unfinished.cursor, unfinished.done) == ("b", False)
    for _ in range(2):
        finished = plan(scene.run, PlanStep(cursor=unfinished.cursor), page, lambda: True)
        assert finished.done
    assert scene.states() == dict.fromkeys("abc", ("Pending", 0))


def test_a_plan_ends_where_a_stop_is_asked_for(scene: Scene) -> None:
    JobService(scene.ctx).stop(scene.id)
    planned = plan(scene.run, PlanStep(), lambda cursor: TaskPage(tasks=[NewTask(key=f"{cursor}x")]), lambda: True)
    assert (planned.done, planned.stopped) == (True, True)


def test_a_slice_ends_its_tasks_with_their_logs(scene: Scene) -> None:
    scene.insert("a", "b", "c")

    def handle(works: Sequence[TaskWork]) -> Iterable[TaskEnd]:
        for work in works:
            work.log(f"copied {work.key}")
            yield TaskEnd(task=work.task, status=Status.ERROR if work.key == "b" else Status.SUCCESS)

    assert scene.work().do(handle) == Worked(ended=3)
    assert scene.states() == {"a": ("Success", 1), "b": ("Error", 1), "c": ("Success", 1)}
    service = TaskService(scene.ctx)
    failed = service.list(scene.id, ListQuery(terms=(Term(key="status", condition=Exact(value="Error")),)))
    assert [task.key for task in failed.items] == ["b"]
    assert service.log(scene.id, failed.items[0].id).endswith(" copied b\n")
    page = service.log_page(scene.id, failed.items[0].id, OffsetPage(size=10), "COPIED")
    assert (page.total, page.items[0].number) == (1, 1)


def test_what_a_slice_leaves_out_waits_for_the_next_attempt(scene: Scene) -> None:
    scene.insert("a", "b", "c")
    assert scene.work(turns=1).do(succeed) == Worked(ended=1, left=2)
    assert scene.states() == {"a": ("Success", 1), "b": ("Pending", 1), "c": ("Pending", 1)}
    assert scene.work(at_once=1).do(succeed) == Worked(ended=2)
    assert scene.states() == {"a": ("Success", 1), "b": ("Success", 2), "c": ("Success", 2)}


def test_after_a_crash_only_what_was_begun_counts_as_tried(scene: Scene) -> None:
    scene.insert("a", "poison", "c")

    def crash(works: Sequence[TaskWork]) -> Iterable[TaskEnd]:
        for work in works:
            if work.key == "poison":
                raise UnavailableError
            yield TaskEnd(task=work.task)

    with pytest.raises(UnavailableError):
        scene.work(tries=3).do(crash)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            scene.work(tries=3, at_once=1).do(crash)
    assert scene.work(tries=3, at_once=1).do(crash) == Worked(ended=2)
    assert scene.states() == {"a": ("Success", 2), "poison": ("Error", 4), "c": ("Success", 2)}


def test_a_stop_is_heeded_before_the_next_slice(scene: Scene) -> None:
    scene.insert("a")
    JobService(scene.ctx).stop(scene.id)
    assert scene.work().do(succeed) == Worked(stopped=True)
    assert scene.states() == {"a": ("Pending", 0)}


def test_an_execution_that_ended_gives_no_work(scene: Scene) -> None:
    scene.insert("a")
    scene.run.finish(Status.ERROR)
    with pytest.raises(PreconditionError):
        scene.work().do(succeed)


def test_tasks_of_an_execution_that_ended_unseen_end_with_it(scene: Scene, ctx: Context, ports: Ports) -> None:
    stopped = begun(ctx)
    scene.insert(*map(str, range(300)))
    stopped.insert(*map(str, range(300)))
    scene.run.finish(Status.ERROR, "workflow lost")
    stopped.run.finish(Status.STOPPED)
    going_on = begun(ctx)
    going_on.insert("a")
    Reconciler(ports, PlayedEngine(), [JOB]).pass_once()
    assert (scene.counters().error_task_count, stopped.counters().stopped_task_count) == (300, 300)
    assert going_on.counters().pending_task_count == 1


def test_only_failed_tasks_are_tried_again(ctx: Context) -> None:
    earlier = begun(ctx, speed=7)
    earlier.insert(*map(str, range(500)))
    earlier.insert(*map(str, range(500, 800)))
    for _ in range(2):
        claimed = earlier.claim()
        earlier.end(
            *(TaskEnd(task=task, status=Status.ERROR if int(task.key) % 2 else Status.SUCCESS) for task in claimed)
        )
    service = TaskService(ctx)
    with pytest.raises(PreconditionError, match="has not ended"):
        service.retry_failed(JOB, CopyInput, earlier.id)
    earlier.run.finish(Status.ERROR)
    again = JobService(ctx).execution(service.retry_failed(JOB, CopyInput, earlier.id))
    assert (again.input["speed"], again.input["retry_of"], again.extra_attrs) == (
        7,
        earlier.id,
        {"retry_of": earlier.id},
    )
    run = JobRun(ctx, again.workflow_id, JOB.workflow)
    for _ in range(2):
        assert plan_failed(run, earlier.id, PlanStep(), lambda: True).done
    copied = Scene(ctx=ctx, id=again.id, run=run)
    assert copied.states() == {str(number): ("Pending", 0) for number in range(1, 800, 2)}
    assert earlier.counters().error_task_count == 400


def test_what_cannot_be_tried_again(scene: Scene, ctx: Context) -> None:
    service = TaskService(ctx)
    scene.run.finish(Status.SUCCESS)
    with pytest.raises(PreconditionError, match="has no failed tasks"):
        service.retry_failed(JOB, CopyInput, scene.id)
    with pytest.raises(NotFoundError):
        service.retry_failed(JOB, CopyInput, 4711)
    foreign: JobType[CopyInput, JobOutcome] = JobType(workflow="Foreign", vendor="FOREIGN", noun="foreign")
    with pytest.raises(NotFoundError):
        service.retry_failed(foreign, CopyInput, scene.id)
    other = begun(ctx)
    with ctx.write() as session:
        session.execute(sa.update(Execution).where(Execution.id == scene.id).values(vendor_id=9))
    with pytest.raises(PreconditionError, match="is no earlier run of the same job"):
        plan_failed(other.run, scene.id, PlanStep(), lambda: True)


def test_a_task_is_found_in_its_execution_only(scene: Scene, ctx: Context) -> None:
    scene.insert("a")
    (task,) = scene.claim()
    other = begun(ctx)
    with pytest.raises(NotFoundError):
        TaskService(ctx).log(other.id, task.id)
