"""The one bridge to Temporal: connects in the background, makes the namespace, and does what the rows ask for.

Only the worker's main takes it. Coroutines run on the worker's loop; the ``WorkflowEngine`` methods are called from
threads and answer or raise UnavailableError within a few seconds, however Temporal is.
"""

import asyncio
import concurrent.futures
from collections.abc import Callable, Collection, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import structlog
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RetryConfig, RPCError, RPCStatusCode

from app.core.errors import InvalidError, UnavailableError
from app.jobs.contracts import Status, Trigger
from app.jobs.engine import Found, RunningWorkflow, WantedSchedule, WantedWorkflow
from app.settings import TemporalSettings

T = TypeVar("T")

_log = structlog.get_logger()
_VENDOR: Final = SearchAttributeKey.for_keyword("HbVendor")
_TRIGGER: Final = SearchAttributeKey.for_keyword("HbTrigger")
_OPERATOR: Final = SearchAttributeKey.for_keyword("HbOperator")
_PROJECT: Final = SearchAttributeKey.for_keyword("HbProject")
_POLICY: Final = SearchAttributeKey.for_keyword("HbPolicy")
_EXECUTION: Final = SearchAttributeKey.for_int("HbExecutionId")
_VENDOR_ID: Final = SearchAttributeKey.for_int("HbVendorId")
_KEYWORD: Final = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
_INT: Final = IndexedValueType.INDEXED_VALUE_TYPE_INT
_ATTRIBUTES: Final = {
    "HbVendor": _KEYWORD,
    "HbTrigger": _KEYWORD,
    "HbOperator": _KEYWORD,
    "HbPolicy": _KEYWORD,
    "HbProject": _KEYWORD,
    "HbRepository": _KEYWORD,
    "HbDigest": _KEYWORD,
    "HbExecutionId": _INT,
    "HbVendorId": _INT,
}
_QUICK: Final = RetryConfig(max_retries=2, max_elapsed_time_millis=1000)
_CALL_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = (0.5, 1.0, 2.0, 3.0)
_PROBE: Final = " AND ".join(f"{name} IS NULL" for name in _ATTRIBUTES)
"""Refused until every part of the server knows the namespace and its search attributes."""
_SUMMARY_BYTES: Final = 400
_CATCH_UP: Final = timedelta(hours=1)
_JITTER: Final = timedelta(seconds=1)


class TemporalBridge:
    """A client for workers that is patient, and one for calls that is not."""

    def __init__(self, settings: TemporalSettings, loop: asyncio.AbstractEventLoop) -> None:
        """Bind the bridge to the worker's loop; nothing is connected yet."""
        self._settings = settings
        self._loop = loop
        self._client: Client | None = None
        self._reachable = False
        self._ready = False

    def reachable(self) -> bool:
        """Whether the last call was answered."""
        return self._reachable

    async def connected(self) -> Client:
        """A client for workers, once Temporal answers and the namespace stands; tries for as long as it takes."""
        attempt = 0
        while True:
            try:
                return await asyncio.wait_for(self._connect(), _CONNECT_SECONDS)
            except (RPCError, RuntimeError, TimeoutError) as error:
                self._reachable = False
                if attempt == 0:
                    _log.warning("temporal_unreachable", address=self._settings.address, reason=_reason(error))
            await asyncio.sleep(_AGAIN_SECONDS[min(attempt, len(_AGAIN_SECONDS) - 1)])
            attempt += 1

    def prepare(self) -> None:
        """Make sure of the namespace, its retention and its search attributes."""
        self._call(self._bootstrap)

    def start(self, workflow: WantedWorkflow) -> None:
        """Start the workflow; one of this id that runs or ran already is success."""
        self._call(lambda client: _start(client, workflow))

    def cancel(self, workflow_id: str) -> None:
        """Ask the workflow to end; one that has ended or never was is success."""
        self._call(lambda client: _known(client.get_workflow_handle(workflow_id).cancel()))

    def terminate(self, workflow_id: str, reason: str) -> None:
        """End the workflow at once, its own code unasked; one that has ended or never was is success."""
        self._call(lambda client: _known(client.get_workflow_handle(workflow_id).terminate(reason=reason)))

    def running(self, before: datetime, limit: int) -> Sequence[RunningWorkflow]:
        """At most ``limit`` workflows that run since before then, the newest first; some may have ended just now."""
        return self._call(lambda client: _running(client, before, limit))

    def describe(self, workflow_id: str) -> Found | None:
        """What became of the workflow, None when Temporal knows none of this id."""
        return self._call(lambda client: _known(_describe(client, workflow_id)))

    def put_schedule(self, schedule: WantedSchedule) -> None:
        """Create or replace the schedule."""
        self._call(lambda client: _put_schedule(client, schedule))

    def remove_schedule(self, schedule_id: str) -> None:
        """Delete the schedule; one that is not there is success."""
        self._call(lambda client: _known(client.get_schedule_handle(schedule_id).delete()))

    def schedule_ids(self) -> Collection[str]:
        """The ids of the schedules that Temporal lists."""
        return self._call(_schedule_ids)

    async def _connect(self) -> Client:
        client = await Client.connect(self._settings.address, namespace=self._settings.namespace)
        await self._bootstrap(client)
        await client.count_workflows(_PROBE)
        self._ready = self._reachable = True
        _log.info("temporal_connected", address=self._settings.address, namespace=self._settings.namespace)
        return client

    async def _bootstrap(self, client: Client) -> None:
        await _register(client, self._settings.namespace, self._settings.retention)
        await _add_attributes(client, self._settings.namespace)

    def _call(self, work: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        if not self._ready:
            raise UnavailableError("Temporal has not answered yet")
        waiting = asyncio.run_coroutine_threadsafe(self._answer(work), self._loop)
        try:
            answer = waiting.result(_CALL_SECONDS)
        except (RPCError, RuntimeError, concurrent.futures.TimeoutError, concurrent.futures.CancelledError) as error:
            waiting.cancel()
            if isinstance(error, RPCError) and error.status is RPCStatusCode.INVALID_ARGUMENT:
                raise InvalidError(_reason(error)) from error
            self._reachable = False
            raise UnavailableError(f"Temporal does not answer: {_reason(error)}") from error
        self._reachable = True
        return answer

    async def _answer(self, work: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        if self._client is None:
            address, namespace = self._settings.address, self._settings.namespace
            self._client = await Client.connect(address, namespace=namespace, lazy=True, retry_config=_QUICK)
        return await work(self._client)


async def _start(client: Client, wanted: WantedWorkflow) -> None:
    attributes = [*_attributes(wanted, wanted.trigger), SearchAttributePair(_EXECUTION, wanted.execution_id)]
    try:
        await client.start_workflow(
            wanted.type,
            args=[wanted.input],
            id=wanted.id,
            task_queue=wanted.queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=TypedSearchAttributes(attributes),
            memo={"execution_id": wanted.execution_id},
            static_summary=_summary(wanted, f"execution {wanted.execution_id}, {wanted.trigger.lower()}"),
        )
    except WorkflowAlreadyStartedError:
        return


def _attributes(wanted: WantedWorkflow | WantedSchedule, trigger: str) -> list[SearchAttributePair[Any]]:
    """By what a run is found at Temporal; what is empty is left out."""
    texts = (
        (_VENDOR, wanted.vendor),
        (_TRIGGER, trigger),
        (_OPERATOR, wanted.operator),
        (_PROJECT, wanted.input.get("project", "")),
        (_POLICY, wanted.input.get("policy", "")),
    )
    return [
        SearchAttributePair(_VENDOR_ID, wanted.vendor_id),
        *(SearchAttributePair(key, text) for key, text in texts if text),
    ]


def _summary(wanted: WantedWorkflow | WantedSchedule, what: str) -> str:
    """A line for people, of the length that Temporal takes."""
    named = (("project", wanted.input.get("project")), ("policy", wanted.input.get("policy")), ("by", wanted.operator))
    parts = [f"{wanted.vendor} {what}", *(f"{name} {text}" for name, text in named if text)]
    return ", ".join(parts).encode()[:_SUMMARY_BYTES].decode(errors="ignore")


async def _known(work: Coroutine[Any, Any, T]) -> T | None:
    """The answer, None when Temporal knows no such thing (any more)."""
    try:
        return await work
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _running(client: Client, before: datetime, limit: int) -> list[RunningWorkflow]:
    query = f"ExecutionStatus = 'Running' AND StartTime < '{before.isoformat()}'"
    listed = client.list_workflows(query, limit=limit, page_size=limit)
    return [RunningWorkflow(id=entry.id, started=entry.start_time) async for entry in listed]


async def _describe(client: Client, workflow_id: str) -> Found:
    handle = client.get_workflow_handle(workflow_id)
    status = (await handle.describe()).status
    if status in (WorkflowExecutionStatus.FAILED, WorkflowExecutionStatus.TIMED_OUT, WorkflowExecutionStatus.COMPLETED):
        return await _result(client, workflow_id)
    if status in (WorkflowExecutionStatus.CANCELED, WorkflowExecutionStatus.TERMINATED):
        return Found(running=False, status=Status.STOPPED, message=f"the workflow was {status.name.lower()}")
    return Found(running=True)


async def _result(client: Client, workflow_id: str) -> Found:
    try:
        outcome = await client.get_workflow_handle(workflow_id).result()
    except WorkflowFailureError as error:
        return Found(running=False, status=Status.ERROR, message=str(error.cause))
    if isinstance(outcome, dict) and outcome.get("status") in set(Status):
        return Found(running=False, status=outcome["status"], message=str(outcome.get("message", "")))
    return Found(running=False, status=Status.SUCCESS)


async def _put_schedule(client: Client, wanted: WantedSchedule) -> None:
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            wanted.type,
            args=[wanted.input],
            id=wanted.id,
            task_queue=wanted.queue,
            static_summary=_summary(wanted, "on schedule"),
            typed_search_attributes=TypedSearchAttributes(_attributes(wanted, Trigger.SCHEDULE)),
        ),
        spec=ScheduleSpec(cron_expressions=list(wanted.cron), time_zone_name="UTC", jitter=_JITTER),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
        state=ScheduleState(paused=wanted.paused),
    )
    try:
        await client.create_schedule(wanted.id, schedule)
    except ScheduleAlreadyRunningError:
        replaced = ScheduleUpdate(schedule=schedule)
        await client.get_schedule_handle(wanted.id).update(lambda _: replaced)


async def _schedule_ids(client: Client) -> list[str]:
    return [entry.id async for entry in await client.list_schedules()]


async def _register(client: Client, namespace: str, retention: timedelta) -> None:
    kept = Duration(seconds=int(retention.total_seconds()))
    service = client.workflow_service
    try:
        await service.register_namespace(
            RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=kept)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
    there = await service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    if there.config.workflow_execution_retention_ttl.seconds != kept.seconds:
        config = NamespaceConfig(workflow_execution_retention_ttl=kept)
        await service.update_namespace(UpdateNamespaceRequest(namespace=namespace, config=config))


async def _add_attributes(client: Client, namespace: str) -> None:
    operator = client.operator_service
    there = await operator.list_search_attributes(ListSearchAttributesRequest(namespace=namespace))
    missing = {name: kind for name, kind in _ATTRIBUTES.items() if name not in there.custom_attributes}
    if missing:
        await operator.add_search_attributes(AddSearchAttributesRequest(namespace=namespace, search_attributes=missing))


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
