"""Workers that are killed while they work many tasks, and the figures of such a run."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from temporalio.client import Client

from app.context import Context
from app.jobs.contracts import FINAL, Trigger
from app.jobs.service import ExecutionRef, JobService
from app.jobs.task_service import TaskService
from app.jobs.tasks import TaskCounters
from tests.support.marking.activities import marked_bytes, marks
from tests.support.marking.contracts import MARKING, MarkingInput
from tests.support.worker import WorkerProcess

_WORKERS: Final = 2
_LOOK_SECONDS: Final = 0.1
_KEY_BYTES: Final = 6
"""Of a mark, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run cost."""

    seconds: float
    events: int
    """Of the longest history."""
    history_bytes: int
    """Of the largest one."""
    workflows: int
    peak_mib: int
    """Of the worker that took most memory."""

    def __str__(self) -> str:
        return (
            f"{self.seconds:.0f} s, {self.workflows} workflows, longest history {self.events} events, largest "
            f"{self.history_bytes / 1024:.0f} KiB, peak of a worker {self.peak_mib} MiB"
        )


class Workers:
    """Two workers of the installation; each can be killed and is put back at once."""

    def __init__(self, environment: Mapping[str, str], folder: Path, seed: int = 4) -> None:
        self._workers = [
            WorkerProcess(environment, folder / f"worker-{number}.log", module="tests.support.marking.worker")
            for number in range(_WORKERS)
        ]
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self.peak_mib = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run them, and watch what memory they take."""
        watching = threading.Thread(target=self._watch, name="memory")
        for worker in self._workers:
            worker.start()
        watching.start()
        try:
            yield
        finally:
            self._stop.set()
            watching.join()
            for worker in self._workers:
                worker.stop()

    def kill_one(self) -> None:
        """``kill -9`` of one of them, at random."""
        worker = self._random.choice(self._workers)
        worker.kill()
        worker.start()

    def moments(self, tasks: int, kills: int) -> Sequence[int]:
        """How many bytes of marks there are when a worker is killed, at random in the first nine tenths."""
        return sorted(self._random.randrange(tasks * _KEY_BYTES * 9 // 10) for _ in range(kills))

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            self.peak_mib = max([self.peak_mib, *(_peak_mib(worker.pid) for worker in self._workers)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """The tests' own job on an installation, from outside."""

    ctx: Context
    folder: Path

    def start(self, tasks: int, failing: int = 0) -> int:
        """Ask for an execution and return its id."""
        wanted = MarkingInput(tasks=tasks, failing=failing, folder=str(self.folder))
        return JobService(self.ctx).start(MARKING, wanted, trigger=Trigger.MANUAL)

    def retry_failed(self, execution_id: int) -> int:
        """Let the failed tasks succeed from now on, and ask for them."""
        (self.folder / "mended").touch()
        return TaskService(self.ctx).retry_failed(MARKING, MarkingInput, execution_id)

    def stop(self, execution_id: int) -> None:
        """Ask for its end."""
        JobService(self.ctx).stop(execution_id)

    def until_marked(self, size: int, execution_id: int, seconds: float) -> None:
        """Wait until tasks wrote so many bytes, or the execution has ended."""
        deadline = time.monotonic() + seconds
        while marked_bytes(self.folder) < size and JobService(self.ctx).execution(execution_id).status not in FINAL:
            assert time.monotonic() < deadline, f"{marked_bytes(self.folder)} of {size} bytes after {seconds:.0f} s"
            time.sleep(_LOOK_SECONDS / 10)

    def end_of(self, execution_id: int, seconds: float) -> ExecutionRef:
        """The execution once it has ended."""
        deadline = time.monotonic() + seconds
        while (execution := JobService(self.ctx).execution(execution_id)).status not in FINAL:
            assert time.monotonic() < deadline, f"not ended after {seconds:.0f} s: {self.counters(execution_id)}"
            time.sleep(_LOOK_SECONDS)
        return execution

    def counters(self, execution_id: int) -> TaskCounters:
        """How many tasks are in which state."""
        return TaskService(self.ctx).counters([execution_id])[execution_id]

    def marks(self) -> Mapping[str, int]:
        """How often each task wrote its key."""
        return marks(self.folder)

    def figures(self, seconds: float, peak_mib: int) -> Figures:
        """What Temporal holds of all runs in this installation's namespace, and what the caller measured."""
        sizes = asyncio.run(self._histories())
        return Figures(
            seconds=seconds,
            events=max(events for events, _ in sizes),
            history_bytes=max(size for _, size in sizes),
            workflows=len(sizes),
            peak_mib=peak_mib,
        )

    async def _histories(self) -> list[tuple[int, int]]:
        temporal = self.ctx.ports.settings.temporal
        client = await Client.connect(temporal.address, namespace=temporal.namespace)
        listed = [(run.id, run.run_id) async for run in client.list_workflows("")]
        described = [await client.get_workflow_handle(name, run_id=run).describe() for name, run in listed]
        facts = [run.raw_description.workflow_execution_info for run in described]
        return [(run.history_length, run.history_size_bytes) for run in facts]


def _peak_mib(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peaks = [int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM:")]
    return peaks[0] if peaks else 0
