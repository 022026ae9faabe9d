"""Executions and schedules in the form of Harbor's job history."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.jobs.contracts import JobType
from app.jobs.schedules import ScheduleRef
from app.jobs.service import ExecutionRef


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTime:
    """When a run is or was due."""

    type: str
    cron: str = ""
    next_scheduled_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryItem:
    """A run of a job, or its schedule, which has no name; ``job_parameters`` is JSON text."""

    id: int
    job_name: str = ""
    job_kind: str
    job_parameters: str
    schedule: DueTime
    job_status: str = ""
    creation_time: datetime
    update_time: datetime
    workflow_url: str = ""
    """The URL of the run in Temporal's UI, for administrators."""


def execution_history(job: JobType[Any, Any], run: ExecutionRef, parameters: Mapping[str, Any]) -> HistoryItem:
    """Return the history item of an execution with its parameters."""
    return HistoryItem(
        id=run.id,
        job_name=job.name,
        job_kind=run.trigger,
        job_parameters=_text(parameters),
        schedule=DueTime(type=run.trigger.capitalize()),
        job_status=run.status,
        creation_time=run.start_time or run.creation_time,
        update_time=run.update_time,
        workflow_url=run.workflow_url,
    )


def schedule_history(schedule: ScheduleRef, parameters: Mapping[str, Any]) -> HistoryItem:
    """Return the history item of a schedule, with its cron expression as the kind and the parameters of its runs."""
    return HistoryItem(
        id=schedule.id,
        job_kind=schedule.cron,
        job_parameters=_text(parameters),
        schedule=DueTime(type=schedule.cron_type, cron=schedule.cron, next_scheduled_time=schedule.next_time),
        creation_time=schedule.creation_time,
        update_time=schedule.update_time,
    )


def _text(parameters: Mapping[str, Any]) -> str:
    return json.dumps(parameters, separators=(",", ":"))
