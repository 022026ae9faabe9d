"""A bounded pool of threads for tasks that may wait."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

import structlog

from app.server.pace import Pace
from app.server.turns import Turns

Task = Callable[[], None]

_TASK: Final = 1
_END: Final = 0

_log = structlog.get_logger()


class Pool:
    """Runs tasks on at most ``size`` threads, which are started when needed; clients take turns."""

    def __init__(self, size: int, name: str, pace: Pace | None = None) -> None:
        """Prepare the pool without a thread; ``name`` is the prefix of their names.

        While the loop is late by its ``pace``, threads begin tasks one after another.
        """
        self._size = size
        self._name = name
        self._pace = pace
        self._tasks: Turns[Task] = Turns()
        self._signals: SimpleQueue[int] = SimpleQueue()
        """_TASK for each task, _END for each thread that has to end."""
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._counting = threading.Lock()

    @property
    def waiting(self) -> int:
        """The number of tasks that wait for a thread."""
        return max(0, self._unfinished - self._size)

    def busy(self) -> bool:
        """Tell whether a task waits for a thread."""
        return not self._signals.empty()

    def takes(self, place: str, most: int) -> bool:
        """Tell whether a request of ``place`` may wait here when ``most`` may.

        When so many wait already, only a place with less than its share may add to them, up to twice as many.
        """
        waiting = self.waiting
        return waiting < most or (waiting < 2 * most and self._tasks.share(place, most))

    def submit(self, task: Task, place: str = "") -> None:
        """Run ``task`` on a thread when its place has its turn; never fails, though it may have to wait."""
        with self._counting:
            self._tasks.add(place, task)
            self._unfinished += 1
            if len(self._threads) < min(self._size, self._unfinished):
                self._begin_thread()
        self._signals.put(_TASK)

    def stop(self, seconds: float) -> None:
        """Wait for the submitted tasks to end, ``seconds`` at most in all."""
        deadline = time.monotonic() + seconds
        for _ in self._threads:
            self._signals.put(_END)
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
        while self._signals.get():
            began_alone = self._pace is not None and self._pace.wait()
            with self._counting:
                task = self._tasks.take()
            try:
                task()
            except BaseException:  # noqa: BLE001 - a defect ends one task, not the thread
                _log.exception("a task of the web server failed")
            finally:
                with self._counting:
                    self._unfinished -= 1
                if began_alone and self._pace is not None:
                    self._pace.leave()
            del task
