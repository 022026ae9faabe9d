"""The first and the last activity of every job."""

from collections.abc import Callable, Sequence
from typing import Any

from temporalio import activity

from activities.context import own_run
from app.context import Ports
from app.jobs.contracts import JOB_BEGIN, JOB_FINISH, BeginStep, Begun, JobOutcome


class JobActivities:
    """The activities that begin and end executions."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return the activities that a worker registers."""
        return (self.begin, self.finish)

    @activity.defn(name=JOB_BEGIN, no_thread_cancel_exception=True)
    def begin(self, step: BeginStep) -> Begun:
        """Set the execution Running; insert it first when a schedule started the workflow."""
        return own_run(self._ports).begin(step.schedule_id)

    @activity.defn(name=JOB_FINISH, no_thread_cancel_exception=True)
    def finish(self, outcome: JobOutcome) -> None:
        """End the execution unless it has ended."""
        own_run(self._ports).finish(outcome.status, outcome.message)
