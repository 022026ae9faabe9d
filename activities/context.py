"""Shared by all activities: domain errors as Temporal's errors, heartbeats, and the product's own principal."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Final

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.core.errors import DomainError, Kind
from app.jobs.runs import JobRun

_log = structlog.get_logger()
_BEAT_SECONDS: Final = 1.0
FINAL_KINDS: Final = frozenset(
    {
        Kind.INVALID,
        Kind.UNAUTHENTICATED,
        Kind.DENIED,
        Kind.NOT_FOUND,
        Kind.CONFLICT,
        Kind.PRECONDITION,
        Kind.UNSUPPORTED,
    }
)
"""The kinds of errors that a retry does not fix."""


def workflow_id() -> str:
    """Return the id of the workflow of this activity, which identifies its execution."""
    own_id = activity.info().workflow_id
    if own_id is None:
        raise ApplicationError("this activity works for workflows only", non_retryable=True)
    return own_id


def context(ports: Ports) -> Context:
    """Return a Context in the name of the product itself."""
    return Context(ports, SYSTEM, request_id=workflow_id())


def own_run(ports: Ports) -> JobRun:
    """Return the execution of this activity's workflow; its row need not exist."""
    return JobRun(context(ports), workflow_id(), activity.info().workflow_type or "")


def go_on() -> bool:
    """Send a heartbeat and tell whether to go on: not after a cancellation or when this worker shuts down."""
    activity.heartbeat()
    return not (activity.is_cancelled() or activity.is_worker_shutdown())


@contextmanager
def beating(also: Callable[[], None]) -> Iterator[None]:
    """Send a heartbeat and call ``also`` every second in a thread, for a body with statements that take minutes."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(_BEAT_SECONDS):
            activity.heartbeat()
            try:
                also()
            except DomainError as error:
                _log.warning("lease_not_renewed", reason=error.message)

    thread = threading.Thread(target=copy_context().run, args=(beat,), name="beating", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class ErrorInterceptor(Interceptor):
    """Translates domain errors to Temporal's application errors, retryable or not; binds the workflow to the log."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - Temporal's name
        """Wrap the activity."""
        return _Translator(next)


class _Translator(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - Temporal's names
        info = activity.info()
        with structlog.contextvars.bound_contextvars(workflow_id=info.workflow_id, activity=info.activity_type):
            try:
                return await self.next.execute_activity(input)
            except DomainError as error:
                raise _translated(error) from error


def _translated(error: DomainError) -> ApplicationError:
    expected = error.kind is Kind.UNAVAILABLE
    return ApplicationError(
        error.message,
        type=type(error).__name__,
        non_retryable=error.kind in FINAL_KINDS,
        category=ApplicationErrorCategory.BENIGN if expected else ApplicationErrorCategory.UNSPECIFIED,
    )
