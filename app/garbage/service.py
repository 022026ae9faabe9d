"""The use cases of garbage collection: run, stop, schedule, history."""

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
    """The parameters of a garbage collection that a caller may set."""

    delete_untagged: bool = False
    delete_tag: bool = False
    dry_run: bool = False
    workers: int = 1


class GarbageService:
    """Requests and shows garbage collections; each method requires its action on ``garbage-collection``."""

    def __init__(self, ctx: Context) -> None:
        """Act in the name of the principal of ``ctx``."""
        self._ctx = ctx
        self._jobs = JobService(ctx)
        self._schedules = ScheduleService(ctx)

    def run(self, parameters: GarbageParameters) -> int:
        """Request a collection now and return its execution's id; raise FieldInvalid for workers outside 1 to 10."""
        self._require("create")
        return self._jobs.start(GARBAGE_COLLECTION, self._input(parameters), trigger=Trigger.MANUAL)

    def schedule(self, due: Due, parameters: GarbageParameters, *, create: bool = False) -> int | None:
        """Start a run and return its execution's id (Manual), delete the schedule (None), or create or replace it.

        Raises FieldInvalid for an unknown kind, an expression that Harbor refuses, or workers outside 1 to 10.
        """
        self._require("create" if create else "update")
        return self._schedules.apply(GARBAGE_COLLECTION, self._input(parameters), due)

    def current_schedule(self) -> ScheduleRef | None:
        """Return the schedule, None when there is none."""
        self._require("read")
        return self._schedules.find(GARBAGE_COLLECTION)

    def history(self, query: ListQuery) -> Listed[ExecutionRef]:
        """Return a page of the collections, newest first unless the query sorts."""
        self._require("list")
        return self._jobs.list(GARBAGE_COLLECTION.vendor, query)

    def execution(self, execution_id: int) -> ExecutionRef:
        """Return the collection; raise NotFoundError when there is none of this id."""
        self._require("read")
        return self._own(execution_id)

    def log(self, execution_id: int) -> str:
        """Return the log of the collection; raise NotFoundError when there is none of this id."""
        self._require("read")
        return self._jobs.log(self._own(execution_id).id)

    def stop(self, execution_id: int) -> None:
        """Request the end of a collection, unless it has ended; raise NotFoundError when there is none of this id."""
        self._require("stop")
        self._jobs.stop(self._own(execution_id).id)

    def _own(self, execution_id: int) -> ExecutionRef:
        run = self._jobs.execution(execution_id)
        if run.vendor_type != GARBAGE_COLLECTION.vendor:
            raise NotFoundError(f"garbage collection {execution_id} not found")
        return run

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


def shown_parameters(stored: dict[str, Any]) -> dict[str, Any]:
    """Return the caller's parameters of a collection from its stored workflow input."""
    return {name: stored[name] for name in ("delete_untagged", "delete_tag", "dry_run", "workers") if name in stored}


def install_collections(ctx: Context) -> None:
    """Update the schedule of collections to the settings, if there is one; called when a worker starts."""
    settings = ctx.ports.settings.garbage

    def current(stored: Mapping[str, Any]) -> GarbageInput:
        return replace(
            GarbageInput.of(stored),
            window_ms=int(settings.time_window.total_seconds() * 1000),
            lease_ms=int(settings.lease.total_seconds() * 1000),
        )

    ScheduleService(ctx).revise(GARBAGE_COLLECTION, current)


def install_purges(ctx: Context) -> None:
    """Set the schedule of the upload purge from the settings; called when a worker starts."""
    settings = ctx.ports.settings.garbage
    purge = PurgeInput(expiry_seconds=int(settings.upload_expiry.total_seconds()))
    kind = ScheduleKind.CUSTOM
    ScheduleService(ctx).put(UPLOAD_PURGE_JOB, purge, expression=settings.upload_purge_cron, kind=kind)
