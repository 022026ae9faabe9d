"""The workflow of a job that exists only in the tests."""

from temporalio import workflow

from workflows.progress import run_job
from workflows.retry import Steps, heed_cancellation

with workflow.unsafe.imports_passed_through():
    from app.jobs.contracts import JobOutcome, Status
    from tests.support.tidying.contracts import TIDY, TIDYING, Tidied, TidyingInput, TidyStep


@workflow.defn(name=TIDYING.workflow)
class Tidying:
    """Tidies room after room."""

    @workflow.run
    async def run(self, given: TidyingInput) -> JobOutcome:
        """Tidy as many rooms as the row asks for."""
        return await run_job(given, self._tidy)

    async def _tidy(self, asked: TidyingInput) -> JobOutcome:
        things = 0
        for room in range(asked.rooms):
            tidied = await Steps(TIDYING.queue).work(TIDY, TidyStep(room=room), Tidied)
            heed_cancellation()
            things += tidied.things
            workflow.set_current_details(f"{room + 1} of {asked.rooms} rooms")
        return JobOutcome(status=Status.SUCCESS, message=f"{things} things put away")
