"""Garbage collection's activities as a test plays them: its workflow meets cancellations and failures to the second."""

import asyncio
from dataclasses import dataclass, field

from temporalio import activity
from temporalio.exceptions import ApplicationError

from app.garbage import contracts
from app.garbage.contracts import AcquireStep, Lease, Marked, MarkStep, SweepStep, Swept, Untagged, UntaggedStep
from app.jobs.contracts import JOB_BEGIN, BeginStep, Begun, JobOutcome


@dataclass(kw_only=True)
class PlayedCollection:
    """What the workflow asked for, in order, and where it is made to wait or fail."""

    calls: list[str] = field(default_factory=list)
    endings: list[JobOutcome] = field(default_factory=list)
    hold: str = ""
    """The activity that waits for ``let_go``."""
    fence: int | None = 7
    lost_at_sweep: int = 0
    """The sweep that finds the lease lost, counted from 1."""
    release_failures: int = 0
    slices: int = 2
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    swept: int = 0

    @activity.defn(name=JOB_BEGIN)
    async def begin(self, step: BeginStep) -> Begun:
        await self._called("begin")
        return Begun(execution_id=1, go_on=True)

    @activity.defn(name=contracts.GC_ACQUIRE)
    async def acquire(self, step: AcquireStep) -> Lease:
        await self._called("acquire")
        return Lease(fence=self.fence)

    @activity.defn(name=contracts.GC_UNTAGGED)
    async def untagged(self, step: UntaggedStep) -> Untagged:
        await self._called("untagged")
        return Untagged(manifests=0, done=True)

    @activity.defn(name=contracts.GC_MARK)
    async def mark(self, step: MarkStep) -> Marked:
        await self._called("mark")
        return Marked(cutoff_ms=1, blobs=2, manifests=0, bytes=3)

    @activity.defn(name=contracts.GC_SWEEP)
    async def sweep(self, step: SweepStep) -> Swept:
        await self._called("sweep")
        self.swept += 1
        if self.swept == self.lost_at_sweep:
            raise ApplicationError("the write lease is no longer held", type="FenceLost", non_retryable=True)
        return Swept(cursor=-1 if self.swept >= self.slices * step.shares else self.swept, blobs=1, bytes=1)

    @activity.defn(name=contracts.GC_RELEASE)
    async def release(self, outcome: JobOutcome) -> None:
        await self._called("release")
        if self.release_failures:
            self.release_failures -= 1
            raise ApplicationError("the database does not answer")
        self.endings.append(outcome)

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        if name == self.hold:
            self.entered.set()
            await self.let_go.wait()
