"""The activity of a job that exists only in the tests."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from temporalio import activity

from activities.context import own_run
from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.jobs.rules import Due
from app.jobs.schedules import ScheduleService
from tests.support.tidying.contracts import TIDY, TIDYING, Tidied, TidyingInput, TidyStep

_THINGS: Final = 3


class TidyingActivities:
    """Tidies on this worker's ports."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """What a worker registers."""
        return (self.tidy,)

    @activity.defn(name=TIDY, no_thread_cancel_exception=True)
    def tidy(self, step: TidyStep) -> Tidied:
        """Tidy a room, and say so."""
        run = own_run(self._ports)
        TidyingInput.of(run.require_input())
        with run.ctx.write():
            run.count({"things": _THINGS})
            run.log(f"room {step.room} is tidy")
        return Tidied(things=_THINGS)


def install(ports: Ports) -> None:
    """Tidy once a year by default."""
    due = Due(kind="Custom", cron="0 0 0 1 1 *")
    ScheduleService(Context(ports, SYSTEM)).apply(
        TIDYING, TidyingInput(rooms=2, project="library", policy="spring"), due
    )
