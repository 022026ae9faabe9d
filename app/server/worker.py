"""gunicorn's worker class that runs the event loop in each web process."""

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
    """One web process; a subclass sets its limits."""

    limits: ClassVar[Limits] = Limits()
    board: ClassVar[Board | None] = None

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - gunicorn's own
        """Prepare the worker in gunicorn's master, before the fork."""
        super().__init__(*arguments, **named)
        if LoopWorker.board is None:
            LoopWorker.board = Board()
        self.loop: Loop | None = None

    def run(self) -> None:
        """Serve until the master stops this process."""
        limits = within(_raised_descriptor_limit(), self.limits)
        seat = self.board.seat(self.age) if self.board is not None else None
        self.loop = Loop(self.wsgi, self.sockets, limits, seat)
        self.loop.watch(self.PIPE[0], self._on_signal)
        if not self.alive:
            self.loop.stop()
        self.loop.run(self._on_sweep)

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401 - of the signal module
        """Handle the signal for a graceful stop."""
        super().handle_exit(sig, frame)
        if self.loop is not None:
            self.loop.stop()

    def on_sweep(self) -> None:
        """Run periodic work of a subclass, about twice a second."""

    def _on_sweep(self) -> None:
        self.notify()
        if self.alive and self.ppid != os.getppid():
            self.alive = False
            signal.alarm(_ORPHAN_SECONDS)
            if self.loop is not None:
                self.loop.stop()
        self.on_sweep()

    def _on_signal(self) -> None:
        """Empty the signal pipe that has woken the loop; the signal's handler has run already."""
        try:
            os.read(self.PIPE[0], 4096)
        except BlockingIOError:
            return


def _raised_descriptor_limit() -> int:
    """Raise the limit of open files as far as the system allows, and return it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def within(descriptors: int, limits: Limits) -> Limits:
    """Return the limits with no more connections than descriptors allow, as each may need one for a file too."""
    if descriptors == resource.RLIM_INFINITY:
        return limits
    possible = max(_FEWEST, (descriptors - _SPARE_DESCRIPTORS) // 2)
    return replace(limits, connections=min(limits.connections, possible))
