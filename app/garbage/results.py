"""Collections and their schedule in the shape of Harbor's history."""

from app.core.paging import Listed
from app.garbage.contracts import GARBAGE_COLLECTION
from app.garbage.service import shown_parameters
from app.jobs.results import HistoryItem, execution_history, schedule_history
from app.jobs.schedules import ScheduleRef
from app.jobs.service import ExecutionRef

_COUNTERS = ("freed_space", "purged_blobs", "purged_manifests")


def collection(run: ExecutionRef) -> HistoryItem:
    """Show a run with what it was asked for and what it freed."""
    counters = {name: run.extra_attrs[name] for name in _COUNTERS if name in run.extra_attrs}
    return execution_history(GARBAGE_COLLECTION, run, shown_parameters(run.input) | counters)


def collections(listed: Listed[ExecutionRef]) -> Listed[HistoryItem]:
    """Show a page of runs."""
    return Listed(items=[collection(run) for run in listed.items], total=listed.total, page=listed.page)


def collection_schedule(found: ScheduleRef | None) -> HistoryItem | None:
    """Show the schedule, None when there is none.

    That its runs are dry is said only if they are, as clients do not expect it.
    """
    if found is None:
        return None
    parameters = shown_parameters(found.input)
    return schedule_history(found, {name: value for name, value in parameters.items() if name != "dry_run" or value})
