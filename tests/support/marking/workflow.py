"""The workflow of the tests' own job, as a feature would write it."""

from temporalio import workflow

from workflows.batches import fan_out

with workflow.unsafe.imports_passed_through():
    from app.jobs.contracts import JobOutcome
    from tests.support.marking.contracts import MARKING, MARKING_PARTS, MarkingInput


@workflow.defn(name=MARKING.workflow)
class Marking:
    """Marks every task."""

    @workflow.run
    async def run(self, given: MarkingInput) -> JobOutcome:
        """Plan and work."""
        return await fan_out(given, MARKING_PARTS)
