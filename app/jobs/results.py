"""Runs and schedules in the shape of Harbor's history of a job."""

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
    """When a run was, or is, due."""

    type: str
    cron: str = ""
    next_scheduled_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryItem:
    """A run, or the schedule of them, which has no name; ``job_parameters`` is JSON text."""

    id: int
    job_name: str = ""
    job_kind: str
    job_parameters: str
    schedule: DueTime
    job_status: str = ""
    creation_time: datetime
    update_time: datetime
    workflow_url: str = ""
    """The run in Temporal's UI, for administrators."""


def execution_history(job: JobType[Any, Any], run: ExecutionRef, parameters: Mapping[str, Any]) -> HistoryItem:
    """Show a run with the parameters it was asked for."""
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


def schedule_history(found: ScheduleRef, parameters: Mapping[str, Any]) -> HistoryItem:
    """Show a schedule, whose kind is its cron expression, with the parameters of its runs."""
    return HistoryItem(
        id=found.id,
        job_kind=found.cron,
        job_parameters=_text(parameters),
        schedule=DueTime(type=found.cron_type, cron=found.cron, next_scheduled_time=found.next_time),
        creation_time=found.creation_time,
        update_time=found.update_time,
    )


def _text(parameters: Mapping[str, Any]) -> str:
    return json.dumps(parameters, separators=(",", ":"))
