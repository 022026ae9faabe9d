"""The steps of the storage check; each can be taken again after any crash.

Each goes by the execution row of its workflow, and refuses to work without one.
"""

from collections.abc import Callable, Sequence
from typing import Any

from temporalio import activity

from activities.context import go_on, own_run
from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.integrity import contracts
from app.integrity.check import StorageCheck
from app.integrity.contracts import Checked, Planned, PlanStep, ReadStep
from app.integrity.service import install


class IntegrityActivities:
    """The storage check's steps on this worker's ports."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """What a worker registers."""
        return (self.plan, self.read)

    @activity.defn(name=contracts.CHECK_PLAN, no_thread_cancel_exception=True)
    def plan(self, _step: PlanStep) -> Planned:
        """Decide which blobs are read."""
        return StorageCheck(own_run(self._ports)).plan()

    @activity.defn(name=contracts.CHECK_READ, no_thread_cancel_exception=True)
    def read(self, _step: ReadStep) -> Checked:
        """Read the next blobs for at most a minute."""
        return StorageCheck(own_run(self._ports)).read(go_on)


def install_checks(ports: Ports) -> None:
    """Bring the schedule of checks in line with the settings, at a worker's start."""
    install(Context(ports, SYSTEM))
