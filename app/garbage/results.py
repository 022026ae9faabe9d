"""Garbage collections and their schedule in the form of Harbor's history."""

from app.core.paging import Listed
from app.garbage.contracts import GARBAGE_COLLECTION
from app.garbage.service import shown_parameters
from app.jobs.results import HistoryItem, execution_history, schedule_history
from app.jobs.schedules import ScheduleRef
from app.jobs.service import ExecutionRef

_COUNTERS = ("freed_space", "purged_blobs", "purged_manifests")


def collection(run: ExecutionRef) -> HistoryItem:
    """Return the history item of a run, with its parameters and what it freed."""
    counters = {name: run.extra_attrs[name] for name in _COUNTERS if name in run.extra_attrs}
    return execution_history(GARBAGE_COLLECTION, run, shown_parameters(run.input) | counters)


def collections(listed: Listed[ExecutionRef]) -> Listed[HistoryItem]:
    """Return a page of runs as history items."""
    return Listed(items=[collection(run) for run in listed.items], total=listed.total, page=listed.page)


def collection_schedule(schedule: ScheduleRef | None) -> HistoryItem | None:
    """Return the history item of the schedule, None when there is none.

    ``dry_run`` is shown only when it is true, as clients do not expect it.
    """
    if schedule is None:
        return None
    parameters = shown_parameters(schedule.input)
    return schedule_history(schedule, {name: value for name, value in parameters.items() if name != "dry_run" or value})
