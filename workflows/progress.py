"""How a run begins and how its end is told."""

import asyncio
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import FailureError, is_cancelled_exception

from workflows.retry import Steps

with workflow.unsafe.imports_passed_through():
    from app.jobs.contracts import JOB_BEGIN, BeginStep, Begun, JobInput, JobOutcome, Queue, Status

In = TypeVar("In", bound=JobInput)

_EXECUTION: Final = SearchAttributeKey.for_int("HbExecutionId")
ENDINGS: Final = (Exception, asyncio.CancelledError)
"""What ends a run early; not the eviction of a workflow from the cache."""


async def begin(schedule_id: int) -> Begun:
    """Set the execution Running; a scheduled run gets its row, and Temporal its number, here."""
    begun = await Steps(Queue.WORKFLOWS).rows(JOB_BEGIN, BeginStep(schedule_id=schedule_id), Begun)
    if schedule_id:
        workflow.upsert_search_attributes([_EXECUTION.value_set(begun.execution_id)])
    return begun


def asked_for(wanted: In, begun: Begun) -> In:
    """What the execution row asks for, whatever the workflow was started with.

    Runs that began before rows told it have only that.
    """
    return type(wanted).of(begun.input) if begun.input else wanted


def ending(error: BaseException) -> JobOutcome:
    """What an early end means for the execution row."""
    if is_cancelled_exception(error):
        return JobOutcome(status=Status.STOPPED, message="stopped on request")
    cause = error
    while isinstance(cause, FailureError) and isinstance(cause.__cause__, FailureError):
        cause = cause.__cause__
    return JobOutcome(status=Status.ERROR, message=cause.message if isinstance(cause, FailureError) else str(cause))
