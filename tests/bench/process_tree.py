"""What a group of processes costs: CPU seconds and private memory, read from the kernel's process files."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.05
_MIB = 1024

Pids = Callable[[], Sequence[int]]


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of these processes, their ended threads and their ended, waited-for children."""
    return sum(_ticks(pid) for pid in pids) / _TICKS_PER_SECOND


def private_mib(pids: Sequence[int]) -> float:
    """Memory that only these processes have mapped, in MiB: the sum of each one's private clean and dirty pages."""
    return sum(_private_kib(pid) for pid in pids) / _MIB


@dataclass(slots=True, kw_only=True)
class Cost:
    """What was used while something was measured; the figures are final when the block has ended."""

    wall: float = 0.0
    """Seconds."""
    cpu: float = 0.0
    """Seconds."""
    peak_mib: float = 0.0


@contextlib.contextmanager
def measured(pids: Pids, *, memory: bool = False) -> Iterator[Cost]:
    """Measure the processes during the block; ``memory`` also watches their peak, at the price of some CPU of ours."""
    cost = Cost()
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(pids, cost, done), daemon=True) if memory else None
    before = cpu_seconds(pids())
    started = time.perf_counter()
    if watcher:
        watcher.start()
    try:
        yield cost
    finally:
        cost.wall = time.perf_counter() - started
        done.set()
        if watcher:
            watcher.join()
        cost.cpu = cpu_seconds(pids()) - before


def _watch(pids: Pids, cost: Cost, done: threading.Event) -> None:
    known = pids()
    while True:
        cost.peak_mib = max(cost.peak_mib, private_mib(known))
        if done.wait(_SAMPLE_SECONDS):
            return


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])


def _private_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:")))
