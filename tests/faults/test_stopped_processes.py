"""A process that is stopped while it has the turn of SQLite's writers: it is killed, and the others go on."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import httpx
import pytest

from tests.faults.conftest import create_project, eventually
from tests.support.instance import Instance

pytestmark = [pytest.mark.temporal, pytest.mark.slow, pytest.mark.timeout(300)]
_SILENCE = 4
_GONE_SECONDS = 3 * _SILENCE + 10
"""It is noticed within a silence and a second or two, and a process has to start."""
_WAITING = "->"
_CAUGHT_SECONDS = 120
_WEB_PROCESSES = 2
_PROCESSES = {"gunicorn": 1 + _WEB_PROCESSES, "workflows.worker": 1}
"""How many there are of each program once all have begun; the first web process answers before the others are there."""


@contextmanager
def writes(instance: Instance) -> Iterator[None]:
    """Somebody changes things all the time."""
    ended = threading.Event()

    def change() -> None:
        while not ended.is_set():
            if not written(instance):
                ended.wait(0.1)

    threads = [threading.Thread(target=change) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def has_turn(turn: Path, pid: int) -> bool:
    """Whether the process holds the lock of the writers."""
    number = turn.stat().st_ino
    return any(
        fields[1] == "FLOCK" and fields[-4] == str(pid) and fields[-3].endswith(f":{number}")
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()
        if _WAITING not in line and (fields := line.split())
    )


def stop_with_turn(turn: Path, pids: list[int]) -> int:
    """Stop one of the processes while it holds the lock, and return it."""
    deadline = time.monotonic() + _CAUGHT_SECONDS
    while time.monotonic() < deadline:
        for pid in pids:
            if has_turn(turn, pid):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(0.01)
                if has_turn(turn, pid):
                    return pid
                os.kill(pid, signal.SIGCONT)
    raise AssertionError("no process was caught with the turn")


@pytest.mark.parametrize("program", ["gunicorn", "workflows.worker"])
def test_the_others_go_on_writing(start: Callable[..., Instance], program: str) -> None:
    instance = start(
        HARBOR_PROCESS_SILENCE=f"{_SILENCE}s", HARBOR_LOG_ACCESS="false", HARBOR_WEB_WORKERS=str(_WEB_PROCESSES)
    )
    eventually(lambda: len(instance.pids(program)) == _PROCESSES[program])
    before = instance.pids(program)
    with writes(instance) if program == "gunicorn" else nullcontext():
        stopped = stop_with_turn(instance.folder / "pyharbor.db.write-lock", before)
        began = time.monotonic()
    eventually(lambda: written(instance))
    assert time.monotonic() - began < _GONE_SECONDS
    eventually(lambda: len(instance.pids(program)) == len(before))
    assert set(before) - set(instance.pids(program)) == {stopped}, "whoever was well stays"


def written(instance: Instance) -> bool:
    try:
        create_project(instance)
    except (httpx.HTTPError, AssertionError):
        return False
    return True
