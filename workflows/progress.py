"""How every run goes: begin, work, and tell how it ended."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import FailureError, is_cancelled_exception

from workflows.retry import Steps, heed_cancellation, to_the_end

with workflow.unsafe.imports_passed_through():
    from app.jobs.contracts import JOB_BEGIN, JOB_FINISH, BeginStep, Begun, JobInput, JobOutcome, Queue, Status

In = TypeVar("In", bound=JobInput)

_EXECUTION: Final = SearchAttributeKey.for_int("HbExecutionId")
_ENDINGS: Final = (Exception, asyncio.CancelledError)
"""What ends a run early; not the eviction of a workflow from the cache, and not its going on in a new history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastStep:
    """The activity JobOutcome -> None that makes the execution final, tried until it succeeds."""

    activity: str = JOB_FINISH
    queue: str = Queue.WORKFLOWS


FINISH: Final = LastStep()


async def run_job(
    given: In, work: Callable[[In], Awaitable[JobOutcome]], *, last: LastStep = FINISH, continued: bool = False
) -> JobOutcome:
    """Begin the execution, work, and take the last step: on success, failure and cancellation alike.

    ``work`` gets what the execution row asks for, whatever the workflow was started with. It is left out when the run
    is final already or was asked to stop, and gets ``given`` when the run is ``continued`` in a new history. What ends
    it early is raised again after the last step.
    """
    try:
        outcome = await (work(given) if continued else _begin_and_work(given, work))
    except _ENDINGS as error:
        await _end(last, _ending(error))
        raise
    await _end(last, outcome)
    return outcome


async def _begin_and_work(given: In, work: Callable[[In], Awaitable[JobOutcome]]) -> JobOutcome:
    begun = await Steps(Queue.WORKFLOWS).rows(JOB_BEGIN, BeginStep(schedule_id=given.schedule_id), Begun)
    if given.schedule_id:
        workflow.upsert_search_attributes([_EXECUTION.value_set(begun.execution_id)])
    heed_cancellation()
    if not begun.go_on:
        return JobOutcome(status=Status.STOPPED, message="stopped before it began")
    workflow.set_current_details(f"Execution {begun.execution_id}")
    return await work(_asked_for(given, begun))


def _asked_for(given: In, begun: Begun) -> In:
    """What the execution row asks for; runs that began before rows told it have only what they were given."""
    return type(given).of(begun.input) if begun.input else given


async def _end(last: LastStep, outcome: JobOutcome) -> None:
    told = outcome.message or workflow.get_current_details()
    workflow.set_current_details(f"{outcome.status}. {told}")
    await to_the_end(Steps(last.queue).rows(last.activity, outcome, type(None)))


def _ending(error: BaseException) -> JobOutcome:
    """What an early end means for the execution row."""
    if is_cancelled_exception(error):
        return JobOutcome(status=Status.STOPPED, message="stopped on request")
    return JobOutcome(status=Status.ERROR, message=failure(error))


def failure(error: BaseException) -> str:
    """The sentence of what failed in the end, below Temporal's own wrappings."""
    cause = error
    while isinstance(cause, FailureError) and isinstance(cause.__cause__, FailureError):
        cause = cause.__cause__
    return cause.message if isinstance(cause, FailureError) else str(cause)
