"""Garbage collection from the side that asks for it: run, stop, schedule, history."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from app.access.decision import require_in_system
from app.context import Context
from app.core import cron
from app.core.errors import FieldInvalid, NotFoundError
from app.core.paging import Listed
from app.core.query import ListQuery
from app.garbage.contracts import GARBAGE_COLLECTION, UPLOAD_PURGE_JOB, GarbageInput, PurgeInput
from app.jobs.contracts import Trigger
from app.jobs.schedules import ScheduleRef, ScheduleService
from app.jobs.service import ExecutionRef, JobService

_RESOURCE: Final = "garbage-collection"
_WORKERS: Final = range(1, 11)


class ScheduleKind(StrEnum):
    """Harbor's words for when a job is due."""

    HOURLY = "Hourly"
    DAILY = "Daily"
    WEEKLY = "Weekly"
    CUSTOM = "Custom"
    MANUAL = "Manual"
    NONE = "None"


_CRON_OF: Final = {
    ScheduleKind.HOURLY: "0 0 * * * *",
    ScheduleKind.DAILY: "0 0 0 * * *",
    ScheduleKind.WEEKLY: "0 0 0 * * 0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageParameters:
    """What a caller may choose about a collection."""

    delete_untagged: bool = False
    delete_tag: bool = False
    dry_run: bool = False
    workers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageSchedule:
    """When collections are due, and with which parameters."""

    schedule: ScheduleRef
    parameters: dict[str, Any]
    next_time: datetime | None


class GarbageService:
    """Asks for collections and shows what became of them; each method requires its action on garbage-collection."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx
        self._jobs = JobService(ctx)
        self._schedules = ScheduleService(ctx)

    def run(self, parameters: GarbageParameters) -> int:
        """Ask for a collection now and return its execution's id. FieldInvalid for workers outside 1 to 10."""
        self._require("create")
        return self._jobs.start(GARBAGE_COLLECTION, self._input(parameters), trigger=Trigger.MANUAL)

    def schedule(
        self, kind: str, expression: str, parameters: GarbageParameters, *, create: bool = False
    ) -> int | None:
        """Put the schedule as ``kind`` says: Manual runs now and returns the execution, None removes, others replace.

        FieldInvalid for an unknown kind, a bad ``expression`` (which only Custom needs) or workers outside 1 to 10.
        """
        self._require("create" if create else "update")
        wanted = self._input(parameters)
        match _kind(kind):
            case ScheduleKind.MANUAL:
                return self._jobs.start(GARBAGE_COLLECTION, wanted, trigger=Trigger.MANUAL)
            case ScheduleKind.NONE:
                self._schedules.remove(GARBAGE_COLLECTION)
            case known:
                self._schedules.put(
                    GARBAGE_COLLECTION, wanted, expression=expression or _CRON_OF.get(known, ""), kind=known
                )
        return None

    def current_schedule(self) -> GarbageSchedule | None:
        """The schedule, None when there is none."""
        self._require("read")
        found = self._schedules.find(GARBAGE_COLLECTION)
        if found is None:
            return None
        due = cron.parse(found.cron).after(self._ctx.ports.clock.now())
        return GarbageSchedule(schedule=found, parameters=shown_parameters(found.input), next_time=due)

    def history(self, query: ListQuery) -> Listed[ExecutionRef]:
        """A page of the collections there were, newest first unless the query sorts."""
        self._require("list")
        return self._jobs.list(GARBAGE_COLLECTION.vendor, query)

    def execution(self, execution_id: int) -> ExecutionRef:
        """One collection; NotFoundError when there is none of this id."""
        self._require("read")
        return self._own(execution_id)

    def log(self, execution_id: int) -> str:
        """What the collection wrote; NotFoundError when there is none of this id."""
        self._require("read")
        return self._jobs.log(self._own(execution_id).id)

    def stop(self, execution_id: int) -> None:
        """Ask a collection to end; one that has ended stays as it is. NotFoundError when there is none of this id."""
        self._require("stop")
        self._jobs.stop(self._own(execution_id).id)

    def _own(self, execution_id: int) -> ExecutionRef:
        found = self._jobs.execution(execution_id)
        if found.vendor_type != GARBAGE_COLLECTION.vendor:
            raise NotFoundError(f"garbage collection {execution_id} not found")
        return found

    def _input(self, parameters: GarbageParameters) -> GarbageInput:
        if parameters.workers not in _WORKERS:
            raise FieldInvalid("workers", f"from {_WORKERS[0]} to {_WORKERS[-1]}")
        settings = self._ctx.ports.settings.garbage
        return GarbageInput(
            delete_untagged=parameters.delete_untagged,
            delete_tag=parameters.delete_tag,
            dry_run=parameters.dry_run,
            workers=parameters.workers,
            window_ms=int(settings.time_window.total_seconds() * 1000),
            lease_ms=int(settings.lease.total_seconds() * 1000),
        )

    def _require(self, action: str) -> None:
        require_in_system(self._ctx.principal, _RESOURCE, action)


def shown_parameters(wanted: dict[str, Any]) -> dict[str, Any]:
    """The parameters a collection was asked for with, out of its workflow's input."""
    return {name: wanted[name] for name in ("delete_untagged", "delete_tag", "dry_run", "workers") if name in wanted}


def install(ctx: Context) -> None:
    """Bring the schedules of this feature in line with the settings, at a worker's start."""
    settings = ctx.ports.settings.garbage
    schedules = ScheduleService(ctx)
    purge = PurgeInput(expiry_seconds=int(settings.upload_expiry.total_seconds()))
    schedules.put(UPLOAD_PURGE_JOB, purge, expression=settings.upload_purge_cron, kind=ScheduleKind.CUSTOM)
    found = schedules.find(GARBAGE_COLLECTION)
    if found is not None:
        current = replace(
            GarbageInput.of(found.input),
            window_ms=int(settings.time_window.total_seconds() * 1000),
            lease_ms=int(settings.lease.total_seconds() * 1000),
        )
        schedules.put(GARBAGE_COLLECTION, current, expression=found.cron, kind=found.cron_type)


def _kind(text: str) -> ScheduleKind:
    try:
        return ScheduleKind(text)
    except ValueError:
        raise FieldInvalid("schedule.type", f"one of {', '.join(ScheduleKind)}") from None
