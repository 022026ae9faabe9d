"""The frame of every job workflow: begin the execution, work, and end the execution."""

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
"""The errors that end a run early; eviction from the cache and continue-as-new are not among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastStep:
    """The activity JobOutcome -> None that ends the execution, retried until it succeeds."""

    activity: str = JOB_FINISH
    queue: str = Queue.WORKFLOWS


FINISH: Final = LastStep()


async def run_job(
    given: In, work: Callable[[In], Awaitable[JobOutcome]], *, last: LastStep = FINISH, continued: bool = False
) -> JobOutcome:
    """Begin the execution, work, and take the last step after success, failure or cancellation.

    ``work`` gets the input in the execution row, whatever the workflow was started with, or ``given`` when the run is
    ``continued`` as new. It is skipped when the execution has ended already or was asked to stop. An error that ends
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
    return await work(_stored_input(given, begun))


def _stored_input(given: In, begun: Begun) -> In:
    """Return the input in the execution row; for runs begun by versions that did not return it, the given one."""
    return type(given).of(begun.input) if begun.input else given


async def _end(last: LastStep, outcome: JobOutcome) -> None:
    message = outcome.message or workflow.get_current_details()
    workflow.set_current_details(f"{outcome.status}. {message}")
    await to_the_end(Steps(last.queue).rows(last.activity, outcome, type(None)))


def _ending(error: BaseException) -> JobOutcome:
    """Return the outcome for the execution row after an error."""
    if is_cancelled_exception(error):
        return JobOutcome(status=Status.STOPPED, message="stopped on request")
    return JobOutcome(status=Status.ERROR, message=failure(error))


def failure(error: BaseException) -> str:
    """Return the message of the root cause, without Temporal's wrapping errors."""
    cause = error
    while isinstance(cause, FailureError) and isinstance(cause.__cause__, FailureError):
        cause = cause.__cause__
    return cause.message if isinstance(cause, FailureError) else str(cause)
