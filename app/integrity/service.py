"""The use cases of storage checks: run, resume, stop, show."""

from typing import Final

from app.access.decision import require_in_system
from app.context import Context
from app.core import parsing
from app.core.errors import FieldInvalid, NotFoundError
from app.core.query import ListQuery
from app.integrity.contracts import STORAGE_CHECK, CheckInput
from app.integrity.plan import Point
from app.jobs.contracts import FINAL, Trigger
from app.jobs.rules import ScheduleKind
from app.jobs.runs import JobRun
from app.jobs.schedules import ScheduleService
from app.jobs.service import ExecutionRef, JobService

_RESOURCE: Final = "storage-check"


class StorageCheckService:
    """Requests and shows storage checks; for administrators only."""

    def __init__(self, ctx: Context) -> None:
        """Act in the name of the principal of ``ctx``."""
        self._ctx = ctx
        self._jobs = JobService(ctx)

    def run(self, sample: str = "") -> int:
        """Request a check of all blobs, or of a sample like ``5%`` or ``200``, and return its execution's id.

        Raises FieldInvalid for a sample that is neither a percentage nor a number.
        """
        self._require("create")
        return self._jobs.start(STORAGE_CHECK, CheckInput(sample=_sample(sample)), trigger=Trigger.MANUAL)

    def go_on(self) -> int:
        """Request the rest of the newest check and return the new execution's id.

        Raises NotFoundError when the newest check was not cut off.
        """
        self._require("create")
        for earlier in self._jobs.list(STORAGE_CHECK.vendor, ListQuery()).items:
            point = Point.from_row(JobRun(self._ctx, earlier.workflow_id, STORAGE_CHECK.workflow).kept())
            if point is None:
                continue
            if point.done or earlier.status not in FINAL:
                break
            resumed = CheckInput(sample=str(earlier.input.get("sample", "")), resumes=earlier.id)
            return self._jobs.start(STORAGE_CHECK, resumed, trigger=Trigger.MANUAL)
        raise NotFoundError("no storage check was cut off, there is nothing to go on with")

    def stop(self) -> list[int]:
        """Request the end of every check that has not ended, and return their executions' ids."""
        self._require("stop")
        unended = [run.id for run in self._jobs.unended(STORAGE_CHECK.vendor)]
        for execution_id in unended:
            self._jobs.stop(execution_id)
        return unended

    def execution(self, execution_id: int) -> ExecutionRef:
        """Return the check; raise NotFoundError when there is none of this id."""
        self._require("read")
        run = self._jobs.execution(execution_id)
        if run.vendor_type != STORAGE_CHECK.vendor:
            raise NotFoundError(f"storage check {execution_id} not found")
        return run

    def log(self, execution_id: int) -> str:
        """Return the log of the check; raise NotFoundError when there is none of this id."""
        return self._jobs.log(self.execution(execution_id).id)

    def _require(self, action: str) -> None:
        require_in_system(self._ctx.principal, _RESOURCE, action)


def install(ctx: Context) -> None:
    """Set the schedule of checks from the settings, or delete it; called when a worker starts."""
    settings, schedules = ctx.ports.settings.storage_check, ScheduleService(ctx)
    if settings.cron:
        sample = CheckInput(sample=settings.sample)
        schedules.put(STORAGE_CHECK, sample, expression=settings.cron, kind=ScheduleKind.CUSTOM)
    else:
        schedules.remove(STORAGE_CHECK)


def _sample(text: str) -> str:
    try:
        return parsing.sample(text) if text else ""
    except ValueError as error:
        raise FieldInvalid("sample", "a part, as in 5%, or a whole number from 1") from error
