"""System calls that a live server makes for requests, seen by strace."""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.bench.client import Connection
from tests.budget.requests import Answer, Requests
from tests.budget.scene import environment_of, installation, token_of
from tests.support.processes import descendants
from tests.support.server import serve

_TIMES: Final = {"small push": 5}
_OFTEN: Final = 25
_SERIES: Final = 3
_WARM_UP: Final = 5
_ATTACHED_SECONDS: Final = 10
_WAITING: Final = ("clock_nanosleep", "epoll_wait", "futex", "poll", "ppoll", "pselect6", "restart_syscall", "select")
_MEMORY: Final = ("brk", "madvise", "mmap", "mprotect", "munmap")
_HEART_BEATS: Final = ("clock_gettime", "fchmod", "getppid", "sched_yield", "utimensat", "wait4")
_BY_THE_WAY: Final = frozenset({"total", *_WAITING, *_MEMORY, *_HEART_BEATS})
"""How often depends on the time that passes and on which thread came first; ``total`` is the table's last line."""


def count(folder: Path) -> dict[str, dict[str, float]]:
    """By row, the system calls of the web processes per request."""
    environment = environment_of(folder)
    with installation(environment) as ports:
        token = token_of(ports)
    del environment["HARBOR_EXTERNAL_URL"]
    with serve(environment, folder / "server.log", workers=1) as server:
        port = urlsplit(server.url).port
        assert port
        with Connection("127.0.0.1", port, token) as connection:
            requests = Requests(send=_sender(connection))
            requests.prepare()
            pids = [server.pid, *descendants(server.pid)]
            return {name: {"system calls": _calls(name, request, pids)} for name, request in requests.rows().items()}


def _sender(connection: Connection) -> Callable[[str, str, bytes, str], Answer]:
    def send(method: str, target: str, body: bytes, kind: str) -> Answer:
        place = urlsplit(target)
        target = f"{place.path}?{place.query}" if place.query else place.path
        answer = connection.request(method, target, body or None, kind=kind)
        return Answer(status=answer.status, headers=answer.headers, length=len(answer.body))

    return send


def _calls(name: str, request: Callable[[], None], pids: Sequence[int]) -> float:
    """The least of several series, as once a second a series meets what is written in the background."""
    for _ in range(_WARM_UP):
        request()
    times = _TIMES.get(name, _OFTEN)
    found = []
    for _ in range(_SERIES):
        with _traced(pids) as counts:
            for _ in range(times):
                request()
        found.append(sum(counts.values()) / times)
    return round(min(found), 1)


@contextmanager
def _traced(pids: Sequence[int]) -> Iterator[dict[str, int]]:
    """Count the processes' system calls meanwhile, by name, but those that come by the way."""
    command = ["strace", "-f", "-c", "-U", "name,calls", *(part for pid in pids for part in ("-p", str(pid)))]
    counts: dict[str, int] = {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            _wait_until_attached(pids)
            yield counts
        finally:
            process.send_signal(signal.SIGINT)
            table = process.stderr.read()
    for line in table.splitlines():
        if (found := re.fullmatch(r"\s*(\w+)\s+(\d+)", line)) and found[1] not in _BY_THE_WAY:
            counts[found[1]] = int(found[2])


def _wait_until_attached(pids: Sequence[int]) -> None:
    """Wait until every thread of the processes has a tracer."""
    deadline = time.monotonic() + _ATTACHED_SECONDS
    while not all(map(_is_traced, pids)):
        assert time.monotonic() < deadline, "strace does not attach: it needs the right to trace (CAP_SYS_PTRACE)"
        time.sleep(0.02)


def _is_traced(pid: int) -> bool:
    texts = (path.read_text(encoding="ascii", errors="replace") for path in Path(f"/proc/{pid}/task").glob("*/status"))
    return not any(re.search(r"^TracerPid:\s+0$", text, re.MULTILINE) for text in texts)
