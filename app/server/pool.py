"""A bounded pool of threads for tasks that may wait."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

import structlog

Task = Callable[[], None]

_log = structlog.get_logger()


class Pool:
    """Runs tasks in order on at most ``size`` threads, which are started when needed."""

    def __init__(self, size: int, name: str) -> None:
        """Prepare the pool without a thread; ``name`` is the prefix of their names."""
        self._size = size
        self._name = name
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._counting = threading.Lock()

    @property
    def waiting(self) -> int:
        """The number of tasks that wait for a thread."""
        return max(0, self._unfinished - self._size)

    def busy(self) -> bool:
        """Tell whether a task waits for a thread."""
        return not self._tasks.empty()

    def submit(self, task: Task) -> None:
        """Run ``task`` on a thread when its turn comes; never fails, though it may have to wait for a thread."""
        with self._counting:
            self._unfinished += 1
            if len(self._threads) < min(self._size, self._unfinished):
                self._begin_thread()
        self._tasks.put(task)

    def stop(self, seconds: float) -> None:
        """Wait for the submitted tasks to end, ``seconds`` at most in all."""
        deadline = time.monotonic() + seconds
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _begin_thread(self) -> None:
        thread = threading.Thread(target=self._run, name=f"{self._name}-{len(self._threads) + 1}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            _log.warning("no thread can be had", threads=len(self._threads))
        else:
            self._threads.append(thread)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except BaseException:  # noqa: BLE001 - a defect ends one task, not the thread
                _log.exception("a task of the web server failed")
            finally:
                with self._counting:
                    self._unfinished -= 1
            del task
