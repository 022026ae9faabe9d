"""The workflow's own promises, with played activities: whatever happens when, the lease is given back last."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError
from temporalio.worker import Worker

from app.garbage.contracts import GarbageInput
from app.jobs.contracts import JobOutcome, Queue
from tests.support.temporal import TemporalServer
from tests.workflows.played import PlayedCollection
from workflows.garbage import GarbageCollection

pytestmark = pytest.mark.temporal
_Handle = WorkflowHandle[GarbageCollection, JobOutcome]


def collect(
    server: TemporalServer,
    played: PlayedCollection,
    meanwhile: Callable[[_Handle], Awaitable[None]] | None = None,
    **wanted: int | bool,
) -> JobOutcome:
    """Run one collection with played activities and return its result."""

    async def run() -> JobOutcome:
        client = await Client.connect(server.address)
        steps: list[Callable[..., Any]] = [played.acquire, played.untagged, played.mark, played.sweep, played.release]
        workflows = Worker(client, task_queue=Queue.WORKFLOWS, workflows=[GarbageCollection], activities=[played.begin])
        async with workflows, Worker(client, task_queue=Queue.GARBAGE, activities=steps):
            handle = await client.start_workflow(
                GarbageCollection.run,
                GarbageInput(**wanted),  # type: ignore[arg-type]
                id=f"gc-{secrets.token_hex(4)}",
                task_queue=Queue.WORKFLOWS,
            )
            if meanwhile is not None:
                await asyncio.wait_for(played.entered.wait(), 20)
                await meanwhile(handle)
                played.let_go.set()
            return await asyncio.wait_for(handle.result(), 40)

    return asyncio.run(run())


async def cancel(handle: _Handle) -> None:
    await handle.cancel()
    await asyncio.sleep(1)


def test_the_order_of_a_success(temporal_server: TemporalServer) -> None:
    played = PlayedCollection()
    assert collect(temporal_server, played) == JobOutcome(status="Success")
    assert played.calls == ["begin", "acquire", "untagged", "mark", "sweep", "sweep", "release"]
    assert played.endings == [JobOutcome(status="Success")]


def test_shares_are_swept_side_by_side(temporal_server: TemporalServer) -> None:
    played = PlayedCollection(slices=1)
    collect(temporal_server, played, workers=4)
    assert played.calls.count("sweep") >= 4


def test_a_dry_run_neither_deletes_nor_sweeps(temporal_server: TemporalServer) -> None:
    played = PlayedCollection(fence=0)
    collect(temporal_server, played, dry_run=True)
    assert played.calls == ["begin", "acquire", "mark", "release"]


def test_the_loser_of_two_contenders_stops(temporal_server: TemporalServer) -> None:
    played = PlayedCollection(fence=None)
    outcome = collect(temporal_server, played)
    assert outcome == JobOutcome(status="Stopped", message="another garbage collection is running")
    assert played.calls == ["begin", "acquire", "release"]


@pytest.mark.parametrize("step", ["begin", "acquire", "untagged", "mark", "sweep"])
def test_a_cancellation_during_a_step_ends_with_the_release(temporal_server: TemporalServer, step: str) -> None:
    played = PlayedCollection(hold=step)
    with pytest.raises(WorkflowFailureError) as failed:
        collect(temporal_server, played, cancel)
    assert isinstance(failed.value.cause, CancelledError)
    assert played.calls[-2:] == [step, "release"]
    assert played.endings == [JobOutcome(status="Stopped", message="stopped on request")]


def test_a_cancellation_during_the_release_comes_too_late(temporal_server: TemporalServer) -> None:
    played = PlayedCollection(hold="release")
    assert collect(temporal_server, played, cancel) == JobOutcome(status="Success")
    assert played.endings == [JobOutcome(status="Success")]


def test_a_lost_lease_ends_the_run(temporal_server: TemporalServer) -> None:
    played = PlayedCollection(lost_at_sweep=1)
    with pytest.raises(WorkflowFailureError):
        collect(temporal_server, played, workers=2)
    assert played.calls[-1] == "release"
    assert played.endings == [JobOutcome(status="Error", message="the write lease is no longer held")]


def test_the_release_is_tried_until_it_succeeds(temporal_server: TemporalServer) -> None:
    played = PlayedCollection(release_failures=4)
    assert collect(temporal_server, played).status == "Success"
    assert played.calls.count("release") == 5
