"""Garbage collection from the side that asks for it: run, stop, schedule, history."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.access.decision import require_in_system
from app.context import Context
from app.core.errors import FieldInvalid, NotFoundError
from app.core.paging import Listed
from app.core.query import ListQuery
from app.garbage.contracts import GARBAGE_COLLECTION, UPLOAD_PURGE_JOB, GarbageInput, PurgeInput
from app.jobs.contracts import Trigger
from app.jobs.rules import Due, ScheduleKind
from app.jobs.schedules import ScheduleRef, ScheduleService
from app.jobs.service import ExecutionRef, JobService

_RESOURCE: Final = "garbage-collection"
_WORKERS: Final = range(1, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageParameters:
    """What a caller may choose about a collection."""

    delete_untagged: bool = False
    delete_tag: bool = False
    dry_run: bool = False
    workers: int = 1


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

    def schedule(self, due: Due, parameters: GarbageParameters, *, create: bool = False) -> int | None:
        """Run now (Manual, returns the execution's id), end the schedule (None), or create or replace it.

        FieldInvalid for an unknown kind, an expression that Harbor refuses, or workers outside 1 to 10.
        """
        self._require("create" if create else "update")
        return self._schedules.apply(GARBAGE_COLLECTION, self._input(parameters), due)

    def current_schedule(self) -> ScheduleRef | None:
        """The schedule, None when there is none."""
        self._require("read")
        return self._schedules.find(GARBAGE_COLLECTION)

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


def install_collections(ctx: Context) -> None:
    """Bring the schedule of collections in line with the settings, if there is one; at a worker's start."""
    settings = ctx.ports.settings.garbage

    def current(found: Mapping[str, Any]) -> GarbageInput:
        return replace(
            GarbageInput.of(found),
            window_ms=int(settings.time_window.total_seconds() * 1000),
            lease_ms=int(settings.lease.total_seconds() * 1000),
        )

    ScheduleService(ctx).revise(GARBAGE_COLLECTION, current)


def install_purges(ctx: Context) -> None:
    """Bring the schedule of the purge of uploads in line with the settings, at a worker's start."""
    settings = ctx.ports.settings.garbage
    purge = PurgeInput(expiry_seconds=int(settings.upload_expiry.total_seconds()))
    kind = ScheduleKind.CUSTOM
    ScheduleService(ctx).put(UPLOAD_PURGE_JOB, purge, expression=settings.upload_purge_cron, kind=kind)
