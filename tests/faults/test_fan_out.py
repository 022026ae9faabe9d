"""Many tasks on workers that are killed: each has an end, all are counted, and histories and memory stay small."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.context import Context
from tests.faults.fan_out import Marked, Workers
from tests.support.temporal import TemporalServer

pytestmark = [pytest.mark.temporal, pytest.mark.slow]
_TASKS = int(os.environ.get("PYHARBOR_FAN_OUT_TASKS", "2000"))
_KILLS = 5 if _TASKS > 20_000 else 2
_FAILING = 1
_SECONDS = 60 + _TASKS / 25
_EVENTS = 4096
"""Of the longest history: where Temporal asks for a new one; it ends a workflow at 51,200."""
_HISTORY_BYTES = 1024 * 1024
_PEAK_MIB = 300


@pytest.fixture
def temporal_address(tmp_path: Path) -> Iterator[str]:
    """A Temporal server of this test's own."""
    server = TemporalServer(tmp_path)
    server.start()
    yield server.address
    server.stop()


@pytest.fixture
def environment(tmp_path: Path, database_url: str, temporal_address: str) -> dict[str, str]:
    """The variables of this test's installation."""
    return {
        "HARBOR_DATA_DIR": str(tmp_path / "data"),
        "HARBOR_DATABASE_URL": database_url,
        "HARBOR_EXTERNAL_URL": "http://registry.test",
        "HARBOR_LOG_LEVEL": "warning",
        "HARBOR_STORAGE_RESERVE": "0",
        "HARBOR_TEMPORAL_ADDRESS": temporal_address,
        "HARBOR_TEMPORAL_NAMESPACE": f"test-{secrets.token_hex(4)}",
    }


@pytest.fixture
def workers(environment: dict[str, str], tmp_path: Path) -> Iterator[Workers]:
    """Two workers at work."""
    workers = Workers(environment, tmp_path)
    with workers.running():
        yield workers


@pytest.fixture
def marked(ctx: Context, tmp_path: Path) -> Marked:
    """The tests' own job, writing into a folder of this test."""
    folder = tmp_path / "marks"
    folder.mkdir()
    return Marked(ctx=ctx, folder=folder)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print past pytest's capture: the figures are worth seeing when all is well."""

    def shown(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    return shown


@pytest.mark.timeout(3 * _SECONDS)
def test_killed_workers_lose_no_task(marked: Marked, workers: Workers, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    asked = marked.start(_TASKS, failing=_FAILING)
    for moment in workers.moments(_TASKS, _KILLS):
        marked.until_marked(moment, asked, _SECONDS)
        workers.kill_one()
    ended = marked.end_of(asked, _SECONDS)
    figures = marked.figures(time.monotonic() - began, workers.peak_mib)
    failed = _TASKS * _FAILING // 100
    counted = marked.counters(asked)
    assert (counted.success_task_count, counted.error_task_count) == (_TASKS - failed, failed)
    assert counted.task_count == _TASKS
    told = f"{_TASKS} tasks: {_TASKS - failed} succeeded, {failed} failed"
    assert (ended.status, ended.status_message) == ("Error", told)
    marks = marked.marks()
    assert marks.keys() == {str(number) for number in range(_TASKS) if number % 100 >= _FAILING}
    again = sum(marks.values()) - len(marks)
    assert again <= _KILLS * 16 * 50, "no more than what was under way is done again"
    say(f"\n{_TASKS} tasks, {_KILLS} kills: {figures}; {again} tasks done again")
    assert figures.events <= _EVENTS
    assert figures.history_bytes <= _HISTORY_BYTES
    assert figures.peak_mib <= _PEAK_MIB
    _retry_failed(marked, asked, failed)


def _retry_failed(marked: Marked, asked: int, failed: int) -> None:
    ended = marked.end_of(marked.retry_failed(asked), _SECONDS)
    assert (ended.status, ended.status_message) == ("Success", f"{failed} tasks: {failed} succeeded")
    assert len(marked.marks()) == _TASKS


@pytest.mark.timeout(2 * _SECONDS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_stop_among_kills_is_told_as_it_is(marked: Marked, workers: Workers, say: Callable[[str], None]) -> None:
    asked = marked.start(_TASKS, failing=_FAILING)
    marked.until_marked(_TASKS, asked, _SECONDS)
    workers.kill_one()
    marked.stop(asked)
    ended = marked.end_of(asked, _SECONDS)
    counted = marked.counters(asked)
    assert (ended.status, ended.status_message) == ("Stopped", f"stopped on request; {counted.sentence}")
    assert counted.success_task_count + counted.error_task_count + counted.stopped_task_count == counted.task_count
    assert 0 < counted.stopped_task_count < counted.task_count
    at_the_end = marked.marks()
    assert len(at_the_end) >= counted.success_task_count
    say(f"\nstopped: {ended.status_message}")
