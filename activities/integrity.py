"""The activities of the storage check; each is idempotent, also after a crash.

Each uses the input in the execution row of its workflow, and fails without a row.
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
    """The activities of the storage check."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return the activities that a worker registers."""
        return (self.plan, self.read)

    @activity.defn(name=contracts.CHECK_PLAN, no_thread_cancel_exception=True)
    def plan(self, _step: PlanStep) -> Planned:
        """Decide once which blobs the run reads."""
        return StorageCheck(own_run(self._ports)).plan()

    @activity.defn(name=contracts.CHECK_READ, no_thread_cancel_exception=True)
    def read(self, _step: ReadStep) -> Checked:
        """Read the next blobs for at most a minute."""
        return StorageCheck(own_run(self._ports)).read(go_on)


def install_checks(ports: Ports) -> None:
    """Set the schedule of checks from the settings; called when a worker starts."""
    install(Context(ports, SYSTEM))
