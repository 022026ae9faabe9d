"""The log of a whole installation: every process writes where ``pyharbor up`` writes, whole lines, and loses none."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.collecting import collect
from tests.e2e.waiting import eventually
from tests.support.instance import Instance

_STOP_SECONDS = 20
_REQUESTS = 300


class Printed:
    """What an installation prints to a pipe or a terminal, read as it comes."""

    def __init__(self, reader: int) -> None:
        self._reader = reader
        self._received = b""
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def lines(self) -> list[str]:
        """The whole lines up to now."""
        return [line.rstrip("\r") for line in self._received.decode().split("\n")[:-1]]

    def ids(self) -> list[str]:
        """The ids of the requests that were logged."""
        return [json.loads(line)["request_id"] for line in self.lines() if '"event":"request"' in line]

    def leave(self) -> None:
        """Read no more, so that there is no reader."""
        self._left.set()
        self.end()

    def end(self) -> None:
        """Wait until nobody can print any more."""
        self._thread.join(_STOP_SECONDS)
        assert not self._thread.is_alive()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # how a terminal ends
            while not self._left.is_set():
                if select.select([self._reader], [], [], 0.1)[0]:
                    part = os.read(self._reader, 65536)
                    if not part:
                        break
                    self._received += part
        os.close(self._reader)


@contextlib.contextmanager
def printing(instance: Instance, reader: int, writer: int) -> Iterator[Printed]:
    """Run the installation with an output of its own."""
    instance.process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "up"],
        env=os.environ | instance.variables,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
        start_new_session=True,
    )
    os.close(writer)
    printed = Printed(reader)
    try:
        eventually(lambda: any("docker login" in line for line in printed.lines()), seconds=60)
        yield printed
    finally:
        instance.stop()
        printed.end()


def ask(instance: Instance, name: str) -> list[str]:
    """Make requests, a few at once, and return their ids."""
    ids = [f"{name}-{number}" for number in range(_REQUESTS)]
    with httpx.Client(base_url=instance.url, timeout=30) as client, ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda one: client.get("/v2/", headers={"X-Request-Id": one}).status_code, ids)
        assert set(answers) == {401}
    return ids


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_every_line_arrives_whole_whatever_is_killed(tmp_path: Path, kind: str) -> None:
    instance = Instance(folder=tmp_path / "data")
    with printing(instance, *(os.pipe() if kind == "pipe" else pty.openpty())) as printed:
        sent = ask(instance, "first")
        eventually(lambda: set(sent) <= set(printed.ids()), seconds=5)
        master = instance.pids("gunicorn")[0]
        os.kill(master, signal.SIGKILL)
        eventually(lambda: master not in (pids := instance.pids("gunicorn")) and len(pids) == 3)
        eventually(lambda: _pings(instance))
        sent += ask(instance, "second")
    ours = [one for one in printed.ids() if one.startswith(("first-", "second-"))]
    assert sorted(ours) == sorted(sent)


def test_web_and_worker_write_to_the_file_themselves(tmp_path: Path) -> None:
    instance = Instance(folder=tmp_path / "data").start()
    try:
        eventually(lambda: "docker login" in instance.log.read_text(encoding="utf-8"))
        for name in ("gunicorn", "workflows.worker"):
            pids = instance.pids(name)
            assert pids
            for pid in pids:
                assert {Path(f"/proc/{pid}/fd/{number}").readlink() for number in (1, 2)} == {instance.log}
    finally:
        instance.stop()


def test_all_goes_on_when_the_reader_of_the_log_has_gone(tmp_path: Path) -> None:
    instance = Instance(folder=tmp_path / "data")
    with printing(instance, *os.pipe()) as printed:
        before = _programs(instance)
        assert [len(pids) for pids in before] == [3, 1, 1]
        printed.leave()
        ask(instance, "unread")
        collect(instance)
        assert _programs(instance) == before


def _programs(instance: Instance) -> list[list[int]]:
    return [instance.pids(name) for name in ("gunicorn", "workflows.worker", "server start-dev")]


def _pings(instance: Instance) -> bool:
    try:
        return httpx.get(f"{instance.url}/api/v2.0/ping", timeout=5).is_success
    except httpx.TransportError:
        return False
