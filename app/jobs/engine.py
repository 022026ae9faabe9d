"""What the dispatcher and the reconciler ask of the workflow engine, without its library."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedWorkflow:
    """A workflow that a row asks for."""

    id: str
    type: str
    queue: str
    input: dict[str, Any]
    vendor: str
    vendor_id: int
    execution_id: int
    trigger: str
    operator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSchedule:
    """A schedule that a row asks for."""

    id: str
    type: str
    queue: str
    input: dict[str, Any]
    vendor: str
    vendor_id: int
    cron: tuple[str, ...]
    """The engine's own expressions."""
    paused: bool
    operator: str
    """In whose name its runs are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A workflow that the engine has."""

    running: bool
    status: str = ""
    """When closed: the execution status it stands for."""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningWorkflow:
    """A workflow that the engine lists as running."""

    id: str
    started: datetime


class WorkflowEngine(Protocol):
    """The engine's side. Methods raise UnavailableError while it does not answer, InvalidError when it refuses."""

    def prepare(self) -> None:
        """Make sure of the namespace, its retention and its search attributes."""
        ...

    def start(self, workflow: WantedWorkflow) -> None:
        """Start the workflow; one of this id that runs or ran already is success."""
        ...

    def cancel(self, workflow_id: str) -> None:
        """Ask the workflow to end; one that has ended or never was is success."""
        ...

    def terminate(self, workflow_id: str, reason: str) -> None:
        """End the workflow at once, its own code unasked; one that has ended or never was is success."""
        ...

    def running(self, before: datetime, limit: int) -> Sequence[RunningWorkflow]:
        """At most ``limit`` workflows that run since before then, the newest first; some may have ended just now."""
        ...

    def describe(self, workflow_id: str) -> Found | None:
        """What became of the workflow, None when the engine knows none of this id."""
        ...

    def put_schedule(self, schedule: WantedSchedule) -> None:
        """Create or replace the schedule."""
        ...

    def remove_schedule(self, schedule_id: str) -> None:
        """Delete the schedule; one that is not there is success."""
        ...

    def schedule_ids(self) -> Collection[str]:
        """The ids of the schedules that the engine lists; a new one may be missing for a moment."""
        ...
