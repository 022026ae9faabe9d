"""The bridge to Temporal: connects in the background, creates the namespace, and implements ``WorkflowEngine``.

Only the worker's main imports it. Coroutines run on the worker's loop; the ``WorkflowEngine`` methods are called from
threads and return or raise UnavailableError within a few seconds, whatever the state of Temporal.
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
from app.jobs.engine import RunningWorkflow, ScheduleRequest, WorkflowRequest, WorkflowState
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
"""A query that fails until every part of the server knows the namespace and its search attributes."""
_SUMMARY_BYTES: Final = 400
_CATCH_UP: Final = timedelta(hours=1)
_JITTER: Final = timedelta(seconds=1)


class TemporalBridge:
    """Holds two clients of Temporal: one for workers, which waits, and one for calls with a short time limit."""

    def __init__(self, settings: TemporalSettings, loop: asyncio.AbstractEventLoop) -> None:
        """Bind the bridge to the worker's loop, without connecting yet."""
        self._settings = settings
        self._loop = loop
        self._client: Client | None = None
        self._reachable = False
        self._ready = False

    def reachable(self) -> bool:
        """Tell whether Temporal answered the last call."""
        return self._reachable

    async def connected(self) -> Client:
        """Return a client for workers once Temporal answers and the namespace exists; retry until then."""
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
        """Create the namespace, set its retention and add its search attributes where they are missing."""
        self._call(self._bootstrap)

    def start(self, workflow: WorkflowRequest) -> None:
        """Start the workflow; succeed without a second start when a workflow of this id runs or ran already."""
        self._call(lambda client: _start(client, workflow))

    def cancel(self, workflow_id: str) -> None:
        """Request the workflow's cancellation; do nothing when it has ended or does not exist."""
        self._call(lambda client: _none_if_unknown(client.get_workflow_handle(workflow_id).cancel()))

    def terminate(self, workflow_id: str, reason: str) -> None:
        """End the workflow at once, without running its code; do nothing when it has ended or does not exist."""
        self._call(lambda client: _none_if_unknown(client.get_workflow_handle(workflow_id).terminate(reason=reason)))

    def running(self, before: datetime, limit: int) -> Sequence[RunningWorkflow]:
        """Return at most ``limit`` running workflows started before ``before``, newest first; some may have ended."""
        return self._call(lambda client: _running(client, before, limit))

    def describe(self, workflow_id: str) -> WorkflowState | None:
        """Return the state of the workflow, None when Temporal knows none of this id."""
        return self._call(lambda client: _none_if_unknown(_describe(client, workflow_id)))

    def put_schedule(self, schedule: ScheduleRequest) -> None:
        """Create or replace the schedule."""
        self._call(lambda client: _put_schedule(client, schedule))

    def remove_schedule(self, schedule_id: str) -> None:
        """Delete the schedule; do nothing when it does not exist."""
        self._call(lambda client: _none_if_unknown(client.get_schedule_handle(schedule_id).delete()))

    def schedule_ids(self) -> Collection[str]:
        """Return the ids of Temporal's schedules."""
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


async def _start(client: Client, request: WorkflowRequest) -> None:
    attributes = [*_attributes(request, request.trigger), SearchAttributePair(_EXECUTION, request.execution_id)]
    try:
        await client.start_workflow(
            request.type,
            args=[request.input],
            id=request.id,
            task_queue=request.queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=TypedSearchAttributes(attributes),
            memo={"execution_id": request.execution_id},
            static_summary=_summary(request, f"execution {request.execution_id}, {request.trigger.lower()}"),
        )
    except WorkflowAlreadyStartedError:
        return


def _attributes(request: WorkflowRequest | ScheduleRequest, trigger: str) -> list[SearchAttributePair[Any]]:
    """Return the search attributes of a run, without empty ones."""
    texts = (
        (_VENDOR, request.vendor),
        (_TRIGGER, trigger),
        (_OPERATOR, request.operator),
        (_PROJECT, request.input.get("project", "")),
        (_POLICY, request.input.get("policy", "")),
    )
    return [
        SearchAttributePair(_VENDOR_ID, request.vendor_id),
        *(SearchAttributePair(key, text) for key, text in texts if text),
    ]


def _summary(request: WorkflowRequest | ScheduleRequest, what: str) -> str:
    """Return a one-line summary of a run, within Temporal's length limit."""
    values = request.input
    named = (("project", values.get("project")), ("policy", values.get("policy")), ("by", request.operator))
    parts = [f"{request.vendor} {what}", *(f"{name} {text}" for name, text in named if text)]
    return ", ".join(parts).encode()[:_SUMMARY_BYTES].decode(errors="ignore")


async def _none_if_unknown(work: Coroutine[Any, Any, T]) -> T | None:
    """Await the answer; return None when Temporal does not know the workflow or schedule."""
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


async def _describe(client: Client, workflow_id: str) -> WorkflowState:
    handle = client.get_workflow_handle(workflow_id)
    status = (await handle.describe()).status
    if status in (WorkflowExecutionStatus.FAILED, WorkflowExecutionStatus.TIMED_OUT, WorkflowExecutionStatus.COMPLETED):
        return await _result(client, workflow_id)
    if status in (WorkflowExecutionStatus.CANCELED, WorkflowExecutionStatus.TERMINATED):
        return WorkflowState(running=False, status=Status.STOPPED, message=f"the workflow was {status.name.lower()}")
    return WorkflowState(running=True)


async def _result(client: Client, workflow_id: str) -> WorkflowState:
    try:
        outcome = await client.get_workflow_handle(workflow_id).result()
    except WorkflowFailureError as error:
        return WorkflowState(running=False, status=Status.ERROR, message=str(error.cause))
    if isinstance(outcome, dict) and outcome.get("status") in set(Status):
        return WorkflowState(running=False, status=outcome["status"], message=str(outcome.get("message", "")))
    return WorkflowState(running=False, status=Status.SUCCESS)


async def _put_schedule(client: Client, request: ScheduleRequest) -> None:
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            request.type,
            args=[request.input],
            id=request.id,
            task_queue=request.queue,
            static_summary=_summary(request, "on schedule"),
            typed_search_attributes=TypedSearchAttributes(_attributes(request, Trigger.SCHEDULE)),
        ),
        spec=ScheduleSpec(cron_expressions=list(request.cron), time_zone_name="UTC", jitter=_JITTER),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
        state=ScheduleState(paused=request.paused),
    )
    try:
        await client.create_schedule(request.id, schedule)
    except ScheduleAlreadyRunningError:
        replaced = ScheduleUpdate(schedule=schedule)
        await client.get_schedule_handle(request.id).update(lambda _: replaced)


async def _schedule_ids(client: Client) -> list[str]:
    return [entry.id async for entry in await client.list_schedules()]


async def _register(client: Client, namespace: str, retention: timedelta) -> None:
    period = Duration(seconds=int(retention.total_seconds()))
    service = client.workflow_service
    try:
        await service.register_namespace(
            RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=period)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
    described = await service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    if described.config.workflow_execution_retention_ttl.seconds != period.seconds:
        config = NamespaceConfig(workflow_execution_retention_ttl=period)
        await service.update_namespace(UpdateNamespaceRequest(namespace=namespace, config=config))


async def _add_attributes(client: Client, namespace: str) -> None:
    operator = client.operator_service
    existing = await operator.list_search_attributes(ListSearchAttributesRequest(namespace=namespace))
    missing = {name: kind for name, kind in _ATTRIBUTES.items() if name not in existing.custom_attributes}
    if missing:
        await operator.add_search_attributes(AddSearchAttributesRequest(namespace=namespace, search_attributes=missing))


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
