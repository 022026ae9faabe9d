"""What an installation's processes cost: CPU seconds and private memory, read from the kernel's process files."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from tests.bench.metrics import Figures, Metric

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.05
_MIB = 1024


class Part(StrEnum):
    """What processes of an installation do; CPU is counted of each part, memory of the web part."""

    WEB = "web"
    CARRIERS = "supervisor and log"
    """Whatever the web processes' log passes through, and what started and watches them."""
    BACKGROUND = "worker and Temporal"
    DATABASE = "PostgreSQL"


_ACTIVE_WHEN_IDLE: Final = (Part.BACKGROUND, Part.DATABASE)
_OF_THESE: Final = {
    Part.WEB: Metric.CPU_WEB,
    Part.CARRIERS: Metric.CPU_CARRIERS,
    Part.BACKGROUND: Metric.CPU_BACKGROUND,
    Part.DATABASE: Metric.CPU_DATABASE,
}

Processes = Callable[[], Mapping[Part, Sequence[int]]]


def private_mib(pids: Sequence[int]) -> float:
    """Memory that only these processes have mapped, in MiB: the sum of each one's private clean and dirty pages."""
    return sum(_private_kib(pid) for pid in pids) / _MIB


@dataclass(slots=True, kw_only=True)
class Cost:
    """What was used while something was measured; the figures are final when the block has ended."""

    wall: float = 0.0
    """Seconds."""
    parts: dict[Part, float] = field(default_factory=dict)
    """CPU seconds, of what works also when idle those above its idle cost."""
    peak_mib: float = 0.0

    @property
    def cpu(self) -> float:
        """CPU seconds of all parts."""
        return sum(self.parts.values())

    def figures(self, metric: Metric, factor: float) -> Figures:
        """The CPU time multiplied by ``factor`` under ``metric``, and, of several parts, each one's share of it."""
        found: Figures = {metric: self.cpu * factor}
        if len(self.parts) > 1:
            found |= {_OF_THESE[part]: seconds * factor for part, seconds in self.parts.items()}
        return found


@dataclass(slots=True, kw_only=True)
class Meter:
    """Measures the processes of one installation."""

    processes: Processes
    rested: float = 0.0
    """Seconds in which nothing was asked of the installation."""
    used: dict[Part, float] = field(default_factory=dict)
    """CPU seconds of each part in them."""

    def rest(self, seconds: float) -> None:
        """Measure for that long what the installation uses when nothing is asked of it; at once when nothing would."""
        if not any(part in _ACTIVE_WHEN_IDLE for part in self.processes()):
            return
        before, started = self.cpu_seconds(), time.perf_counter()
        time.sleep(seconds)
        passed = time.perf_counter() - started
        self.rested += passed
        for part, after in self.cpu_seconds().items():
            self.used[part] = self.used.get(part, 0.0) + after - before[part]

    @contextlib.contextmanager
    def measured(self, *, memory: bool = False) -> Iterator[Cost]:
        """Measure during the block; ``memory`` also watches the web processes' peak, which costs some CPU of ours."""
        cost = Cost()
        done = threading.Event()
        web = self.processes()[Part.WEB]
        watcher = threading.Thread(target=_watch, args=(web, cost, done), daemon=True) if memory else None
        before = self.cpu_seconds()
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
            for part, after in self.cpu_seconds().items():
                cost.parts[part] = after - before[part] - self._idle(part) * cost.wall

    def _idle(self, part: Part) -> float:
        """CPU seconds per second, over all that was measured; nothing for what only works for requests."""
        return self.used.get(part, 0.0) / self.rested if self.rested and part in _ACTIVE_WHEN_IDLE else 0.0

    def cpu_seconds(self) -> dict[Part, float]:
        """User and system time of each part's processes, their ended threads and their ended, waited-for children."""
        return {part: sum(map(_ticks, pids)) / _TICKS_PER_SECOND for part, pids in self.processes().items()}


def _watch(pids: Sequence[int], cost: Cost, done: threading.Event) -> None:
    while True:
        cost.peak_mib = max(cost.peak_mib, private_mib(pids))
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
