"""The workflow of deletion jobs."""

from temporalio import workflow

from workflows.batches import fan_out

with workflow.unsafe.imports_passed_through():
    from app.artifacts.contracts import DELETION, DELETION_PARTS, DeletionInput
    from app.jobs.contracts import JobOutcome


@workflow.defn(name=DELETION.workflow)
class Deletion:
    """Deletes what its tasks name, one after another."""

    @workflow.run
    async def run(self, given: DeletionInput) -> JobOutcome:
        """Do all tasks."""
        return await fan_out(given, DELETION_PARTS)
