"""A workflow engine that tests play."""

from collections.abc import Callable
from datetime import datetime

from app.core.errors import InvalidError, UnavailableError
from app.jobs.engine import RunningWorkflow, ScheduleRequest, WorkflowRequest, WorkflowState


class PlayedEngine:
    """Temporal as the test wants it: away, refusing, or with the workflows that were started."""

    def __init__(self) -> None:
        self.away = False
        self.refusing = False
        self.workflows: dict[str, WorkflowState] = {}
        self.inputs: dict[str, dict[str, object]] = {}
        self.cancelled: list[str] = []
        self.terminated: list[str] = []
        self.listed: list[RunningWorkflow] = []
        self.schedules: dict[str, ScheduleRequest] = {}
        self.during: Callable[[], None] = lambda: None

    def prepare(self) -> None:
        self._answer()

    def start(self, workflow: WorkflowRequest) -> None:
        self._answer()
        if self.refusing:
            raise InvalidError("no such queue")
        self.workflows.setdefault(workflow.id, WorkflowState(running=True))
        self.inputs[workflow.id] = workflow.input

    def cancel(self, workflow_id: str) -> None:
        self._answer()
        self.cancelled.append(workflow_id)

    def terminate(self, workflow_id: str, reason: str) -> None:
        self._answer()
        self.terminated.append(workflow_id)

    def running(self, before: datetime, limit: int) -> list[RunningWorkflow]:
        self._answer()
        older = [workflow for workflow in self.listed if workflow.started < before]
        return sorted(older, key=lambda workflow: workflow.started, reverse=True)[:limit]

    def describe(self, workflow_id: str) -> WorkflowState | None:
        self._answer()
        return self.workflows.get(workflow_id)

    def put_schedule(self, schedule: ScheduleRequest) -> None:
        self._answer()
        self.schedules[schedule.id] = schedule

    def remove_schedule(self, schedule_id: str) -> None:
        self._answer()
        self.schedules.pop(schedule_id, None)

    def schedule_ids(self) -> list[str]:
        self._answer()
        return list(self.schedules)

    def _answer(self) -> None:
        if self.away:
            raise UnavailableError("away")
        self.during()
