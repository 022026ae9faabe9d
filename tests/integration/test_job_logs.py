"""Logs of runs and tasks on both databases: whole, bounded, told truthfully where they are not, paged and searched."""

import sqlalchemy as sa

from app.context import Context, Ports
from app.core.paging import OffsetPage
from app.jobs import task_logs
from app.jobs.contracts import JobInput, JobOutcome, JobType, Trigger
from app.jobs.models import LogChunk
from app.jobs.runs import JobRun
from app.jobs.service import JobService
from app.jobs.task_logs import Log
from tests.support.overlap import overlapped

JOB: JobType[JobInput, JobOutcome] = JobType(workflow="Tidying", vendor="TIDYING", noun="tidying")


def begun(ctx: Context) -> tuple[int, JobRun]:
    service = JobService(ctx)
    execution_id = service.start(JOB, JobInput(), trigger=Trigger.MANUAL)
    return execution_id, JobRun(ctx, service.execution(execution_id).workflow_id, JOB.workflow)


def lines(ctx: Context, execution_id: int) -> list[str]:
    """Without their times."""
    return [line.split(" ", 1)[1] for line in JobService(ctx).log(execution_id).splitlines()]


def chunks(ctx: Context) -> list[int]:
    with ctx.read() as session:
        return list(session.execute(sa.select(LogChunk.size).order_by(LogChunk.id)).scalars())


def test_lines_are_kept_in_order_in_few_rows(ctx: Context) -> None:
    execution_id, run = begun(ctx)
    written = [f"line {number} {'x' * 100}" for number in range(200)]
    for line in written:
        run.log(line)
    assert lines(ctx, execution_id) == written
    assert len(chunks(ctx)) == 4
    assert max(chunks(ctx)) <= 8192


def test_many_lines_at_once_are_the_same_as_one_after_another(ctx: Context) -> None:
    execution_id, _ = begun(ctx)
    written = [f"line {number} {'x' * 100}" for number in range(200)]
    with ctx.write() as session:
        log = Log(execution_id=execution_id)
        log.append(session, ctx.ports.clock.now(), written[:7])
        log.append(session, ctx.ports.clock.now(), written[7:])
    assert lines(ctx, execution_id) == written
    assert max(chunks(ctx)) <= 8192


def test_a_text_of_several_lines_is_several_lines_and_what_no_text_can_hold_is_replaced(ctx: Context) -> None:
    execution_id, run = begun(ctx)
    run.log("one\ntwo\0\ud800")
    run.log("")
    assert lines(ctx, execution_id) == ["one", "two\N{REPLACEMENT CHARACTER}?", ""]


def test_a_long_line_is_cut_and_says_how_much_is_missing(ctx: Context) -> None:
    execution_id, run = begun(ctx)
    run.log("é" * task_logs.LINE_BYTES)
    (line,) = lines(ctx, execution_id)
    assert line == "é" * (task_logs.LINE_BYTES // 2) + f" … ({task_logs.LINE_BYTES} more bytes)"


def test_a_full_log_keeps_its_beginning_and_counts_what_it_does_not_keep(ctx: Context) -> None:
    execution_id, _ = begun(ctx)
    log = Log(execution_id=execution_id)
    for _ in range(30):
        with ctx.write() as session:
            log.append(session, ctx.ports.clock.now(), ["x" * 1000] * 50)
    with ctx.write() as session:
        log.append(session, ctx.ports.clock.now(), ["short"])
    kept = lines(ctx, execution_id)
    line = len("2026-11-27T00:00:00.000Z ") + 1001
    fitting = task_logs.RUN_BYTES // line
    assert kept[:-1] == ["x" * 1000] * fitting
    missing = 30 * 50 + 1 - fitting
    assert kept[-1].endswith("lines were not kept: a log holds at most 1048576 bytes)")
    assert JobService(ctx).log(execution_id).splitlines()[-1].startswith(f"({missing} more lines")
    assert sum(chunks(ctx)) == fitting * line
    assert len(chunks(ctx)) <= 170


def test_pages_and_words(ctx: Context) -> None:
    execution_id, _ = begun(ctx)
    with ctx.write() as session:
        log = Log(execution_id=execution_id)
        log.append(session, ctx.ports.clock.now(), [f"Copied 100% of {number}" for number in range(30)])
    with ctx.read() as session:
        page = log.page(session, OffsetPage(number=2, size=10))
        found = log.page(session, OffsetPage(size=10), "copied 100% of 2")
        nothing = log.page(session, OffsetPage(size=10), "copied 100_")
    assert [line.number for line in page.items] == list(range(11, 21))
    assert page.total == 30
    assert [line.number for line in found.items] == [3, *range(21, 30)]
    assert found.total == 11
    assert (list(nothing.items), nothing.total) == ([], 0)


def test_a_run_remembers_how_far_it_is(ctx: Context) -> None:
    _, run = begun(ctx)
    assert run.kept() == {}
    run.keep({"cursor": 7})
    assert run.kept() == {"cursor": 7}


def test_appending_at_once_counts_every_byte(ctx: Context, ports: Ports) -> None:
    execution_id, _ = begun(ctx)

    def append(own: Context) -> None:
        with own.write() as session:
            Log(execution_id=execution_id).append(session, own.ports.clock.now(), ["x" * 100])

    append(ctx)
    overlapped(ports, append, append)
    with ctx.read() as session:
        size, counted = session.execute(sa.select(LogChunk.size, LogChunk.log_size)).one()
    assert (len(lines(ctx, execution_id)), counted) == (3, size)
