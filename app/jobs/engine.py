"""The protocol by which the dispatcher and the reconciler use the workflow engine, without Temporal's library."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRequest:
    """A workflow to start, as its execution row describes it."""

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
class ScheduleRequest:
    """A schedule to create or replace, as its row describes it."""

    id: str
    type: str
    queue: str
    input: dict[str, Any]
    vendor: str
    vendor_id: int
    cron: tuple[str, ...]
    """Cron expressions in the engine's own syntax."""
    paused: bool
    operator: str
    """The operator of its runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowState:
    """The state of a workflow in the engine."""

    running: bool
    status: str = ""
    """The status that the execution gets, for a closed workflow; empty while it runs."""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningWorkflow:
    """A workflow that the engine lists as running."""

    id: str
    started: datetime


class WorkflowEngine(Protocol):
    """A workflow engine. Methods raise UnavailableError while it does not answer and InvalidError when it refuses."""

    def prepare(self) -> None:
        """Create the namespace, set its retention and add its search attributes where they are missing."""
        ...

    def start(self, workflow: WorkflowRequest) -> None:
        """Start the workflow; succeed without a second start when a workflow of this id runs or ran already."""
        ...

    def cancel(self, workflow_id: str) -> None:
        """Request the workflow's cancellation; do nothing when it has ended or does not exist."""
        ...

    def terminate(self, workflow_id: str, reason: str) -> None:
        """End the workflow at once, without running its code; do nothing when it has ended or does not exist."""
        ...

    def running(self, before: datetime, limit: int) -> Sequence[RunningWorkflow]:
        """Return at most ``limit`` running workflows started before ``before``, newest first; some may have ended."""
        ...

    def describe(self, workflow_id: str) -> WorkflowState | None:
        """Return the state of the workflow, None when the engine knows none of this id."""
        ...

    def put_schedule(self, schedule: ScheduleRequest) -> None:
        """Create or replace the schedule."""
        ...

    def remove_schedule(self, schedule_id: str) -> None:
        """Delete the schedule; do nothing when it does not exist."""
        ...

    def schedule_ids(self) -> Collection[str]:
        """Return the ids of the engine's schedules; a new one may be missing for a moment."""
        ...
