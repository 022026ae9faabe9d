"""gunicorn's worker class: its master, signals and pre-fork, our loop."""

import os
import resource
import signal
from dataclasses import replace
from typing import Any, ClassVar

from gunicorn.workers.base import Worker

from app.server.limits import Limits
from app.server.loop import Loop
from app.server.share import Board

_ORPHAN_SECONDS = 5
_SPARE_DESCRIPTORS = 256
_FEWEST = 64


class LoopWorker(Worker):
    """One web process. A subclass says its limits."""

    limits: ClassVar[Limits] = Limits()
    board: ClassVar[Board | None] = None

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - gunicorn's own
        """Be made in the master, before the fork."""
        super().__init__(*arguments, **named)
        if LoopWorker.board is None:
            LoopWorker.board = Board()
        self.loop: Loop | None = None

    def run(self) -> None:
        """Serve until the master says otherwise."""
        limits = within(_raised_descriptor_limit(), self.limits)
        seat = self.board.seat(self.age) if self.board is not None else None
        self.loop = Loop(self.wsgi, self.sockets, limits, seat)
        self.loop.watch(self.PIPE[0], self._on_signal)
        if not self.alive:
            self.loop.stop()
        self.loop.run(self._on_sweep)

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401 - of the signal module
        """End in order."""
        super().handle_exit(sig, frame)
        if self.loop is not None:
            self.loop.stop()

    def on_sweep(self) -> None:
        """Do what has to be done about twice a second."""

    def _on_sweep(self) -> None:
        self.notify()
        if self.alive and self.ppid != os.getppid():
            self.alive = False
            signal.alarm(_ORPHAN_SECONDS)
            if self.loop is not None:
                self.loop.stop()
        self.on_sweep()

    def _on_signal(self) -> None:
        """A signal has woken the loop; its handler has run."""
        try:
            os.read(self.PIPE[0], 4096)
        except BlockingIOError:
            return


def _raised_descriptor_limit() -> int:
    """Let the process open as many files as the system allows it to, and return how many that is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def within(descriptors: int, limits: Limits) -> Limits:
    """No more connections than there are descriptors for, each with a file to send or to fill."""
    if descriptors == resource.RLIM_INFINITY:
        return limits
    possible = max(_FEWEST, (descriptors - _SPARE_DESCRIPTORS) // 2)
    return replace(limits, connections=min(limits.connections, possible))
