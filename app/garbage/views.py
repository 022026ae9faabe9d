"""Collections and their schedule in the shape that the management API shows."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.core.paging import Listed
from app.garbage.contracts import GARBAGE_COLLECTION
from app.garbage.service import GarbageSchedule, shown_parameters
from app.jobs.service import ExecutionRef

_COUNTERS = ("freed_space", "purged_blobs", "purged_manifests")


@dataclass(frozen=True, slots=True, kw_only=True)
class DueView:
    """When a run was, or is, due."""

    type: str
    cron: str = ""
    next_scheduled_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionView:
    """A collection or the schedule of them, which has no name; ``job_parameters`` is JSON text."""

    id: int
    job_name: str = ""
    job_kind: str
    job_parameters: str
    schedule: DueView
    job_status: str = ""
    creation_time: datetime
    update_time: datetime


def collection_view(run: ExecutionRef) -> CollectionView:
    """A run with what it was asked for and what it freed."""
    counters = {name: run.extra_attrs[name] for name in _COUNTERS if name in run.extra_attrs}
    return CollectionView(
        id=run.id,
        job_name=GARBAGE_COLLECTION.vendor,
        job_kind=run.trigger,
        job_parameters=_text(shown_parameters(run.input) | counters),
        schedule=DueView(type=run.trigger.capitalize()),
        job_status=run.status,
        creation_time=run.start_time or run.creation_time,
        update_time=run.update_time,
    )


def history_view(listed: Listed[ExecutionRef]) -> Listed[CollectionView]:
    """A page of runs."""
    return Listed(items=[collection_view(run) for run in listed.items], total=listed.total, page=listed.page)


def schedule_view(found: GarbageSchedule | None) -> CollectionView | None:
    """The schedule, whose kind is its cron expression; None when there is none.

    That its runs are dry is said only if they are, as clients do not expect it.
    """
    if found is None:
        return None
    row = found.schedule
    parameters = {name: value for name, value in found.parameters.items() if name != "dry_run" or value}
    return CollectionView(
        id=row.id,
        job_kind=row.cron,
        job_parameters=_text(parameters),
        schedule=DueView(type=row.cron_type, cron=row.cron, next_scheduled_time=found.next_time),
        creation_time=row.creation_time,
        update_time=row.update_time,
    )


def _text(parameters: dict[str, Any]) -> str:
    return json.dumps(parameters, separators=(",", ":"))
