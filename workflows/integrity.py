"""The workflow of the storage check."""

from datetime import timedelta
from typing import Final

from temporalio import workflow

from workflows.progress import run_job
from workflows.retry import Steps, heed_cancellation

with workflow.unsafe.imports_passed_through():
    from app.integrity.contracts import (
        CHECK_PLAN,
        CHECK_READ,
        STORAGE_CHECK,
        Checked,
        CheckInput,
        Planned,
        PlanStep,
        ReadStep,
    )
    from app.jobs.contracts import JobOutcome, Status

_ONE_LARGE_BLOB: Final = timedelta(hours=12)
"""The time limit of a slice: a minute, but without saved hash states a blob is read in one go."""


@workflow.defn(name=STORAGE_CHECK.workflow)
class StorageCheck:
    """Reads the stored blobs, slice by slice, and ends as Error when any is damaged or unreadable."""

    @workflow.run
    async def run(self, job_input: CheckInput) -> JobOutcome:
        """Run the check until no blob is left."""
        return await run_job(job_input, self._check)

    async def _check(self, job_input: CheckInput) -> JobOutcome:
        steps = Steps(STORAGE_CHECK.queue)
        planned = await steps.rows(CHECK_PLAN, PlanStep(), Planned)
        heed_cancellation()
        if planned.blobs is None:
            return JobOutcome(status=Status.STOPPED, message="another storage check is running")
        checked = Checked(blobs=0, bytes=0, damaged=0, unreadable=0, done=False)
        while not checked.done:
            checked = await steps.work(CHECK_READ, ReadStep(), Checked, limit=_ONE_LARGE_BLOB)
            heed_cancellation()
            workflow.set_current_details(f"{_seen(checked)} of {planned.blobs}")
            if not checked.done and workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(job_input)
        broken = checked.damaged + checked.unreadable
        return JobOutcome(status=Status.ERROR if broken else Status.SUCCESS, message=_seen(checked))


def _seen(checked: Checked) -> str:
    return (
        f"{checked.blobs} blobs read, {checked.bytes} bytes; {checked.damaged} damaged, {checked.unreadable} unreadable"
    )
