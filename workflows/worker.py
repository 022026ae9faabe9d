"""The worker's main: ``python -m workflows.worker`` runs workflows, activities, the dispatcher and the reconciler."""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import structlog
from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.worker import Worker

from activities.context import ErrorInterceptor
from app.configuration.pins import Pins
from app.context import Ports
from app.jobs.contracts import Queue
from app.jobs.dispatcher import Dispatcher
from app.jobs.presence import Presence
from app.jobs.reconciler import Reconciler
from app.jobs.temporal import TemporalBridge
from app.jobs.watchdog import Watchdog
from app.settings import REFUSALS, load, refusal
from app.telemetry.logging import configure_logging
from app.wiring import build
from workflows.completeness import require_complete
from workflows.job_types import JOBS, SHARED_ACTIVITIES, Activities, Job, all_workflows

_log = structlog.get_logger()
_SHARED_STEPS: Final = 8
"""Concurrent activities of ``SHARED_ACTIVITIES``."""
_WORKFLOW_TASKS: Final = 8
_CACHED_WORKFLOWS: Final = 200
_GRACE: Final = timedelta(seconds=8)
_THREADS_SECONDS: Final = 4.0
_AGAIN_SECONDS: Final = 1.0


class WorkerProcess:
    """Runs the threads that reconcile rows and Temporal, and Temporal's workers whenever Temporal is reachable."""

    def __init__(self, ports: Ports, loop: asyncio.AbstractEventLoop, jobs: Sequence[Job]) -> None:
        """Prepare the process; raise JobListError for an incomplete list of jobs."""
        require_complete(jobs)
        self._ports = ports
        self._jobs = jobs
        self._bridge = TemporalBridge(ports.settings.temporal, loop)
        self._stop = asyncio.Event()
        self._threads_stop = threading.Event()

    def stop(self) -> None:
        """Request an orderly shutdown."""
        self._stop.set()

    async def run(self) -> None:
        """Work until ``stop``; Temporal may be unreachable at any time, also at the start."""
        watched = asyncio.create_task(_watched(Watchdog(self._ports.settings.process_silence)))
        for job in self._jobs:
            if job.install is not None:
                await asyncio.to_thread(job.install, self._ports)
        threads = [self._thread(name, work) for name, work in self._loops().items()]
        steps = sum(_concurrency(self._jobs, queue) for queue in Queue)
        with ThreadPoolExecutor(steps, thread_name_prefix="activity") as pool:
            serving = asyncio.create_task(self._serve(pool))
            _log.info("worker_started", temporal=self._ports.settings.temporal.address)
            await self._stop.wait()
            _log.info("worker_stopping")
            serving.cancel()
            await asyncio.wait([serving])
        self._threads_stop.set()
        await asyncio.to_thread(_join, threads)
        watched.cancel()
        _log.info("worker_stopped")

    def _loops(self) -> dict[str, Callable[[threading.Event], None]]:
        queues = [str(queue) for queue in Queue]
        return {
            "dispatcher": Dispatcher(self._ports, self._bridge).run,
            "reconciler": Reconciler(self._ports, self._bridge, [job.kind for job in self._jobs]).run,
            "pins": Pins(self._ports).run,
            "presence": Presence(self._ports, queues, _version(), self._bridge.reachable).run,
        }

    def _thread(self, name: str, work: Callable[[threading.Event], None]) -> threading.Thread:
        """Start a thread whose unexpected end stops the process, so that a supervisor restarts it."""
        loop = asyncio.get_running_loop()

        def guarded() -> None:
            try:
                work(self._threads_stop)
            except Exception:  # noqa: BLE001 - the worker's main is an edge: it logs, and the process ends
                _log.exception("worker_thread_failed", thread=name)
                loop.call_soon_threadsafe(self._stop.set)

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    async def _serve(self, pool: ThreadPoolExecutor) -> None:
        """Run Temporal's workers, and restart them when they fail, for example for a lost namespace."""
        while True:
            client = await self._bridge.connected()
            try:
                await _until_cancelled([*self._workers(client, pool)])
            except Exception:  # noqa: BLE001 - as above: it logs, and connects again
                _log.exception("temporal_workers_failed")
                await asyncio.sleep(_AGAIN_SECONDS)

    def _workers(self, client: Client, pool: ThreadPoolExecutor) -> Iterator[Worker]:
        """Yield a worker per task queue; the one for workflows has the shared activities."""
        for queue in Queue:
            steps = [step for group in _activities(self._jobs, queue) for step in group(self._ports).all()]
            if not steps:
                continue
            yield Worker(
                client,
                task_queue=queue,
                workflows=all_workflows(self._jobs) if queue is Queue.WORKFLOWS else (),
                activities=steps,
                activity_executor=pool,
                interceptors=[ErrorInterceptor()],
                max_concurrent_workflow_tasks=_WORKFLOW_TASKS,
                max_cached_workflows=_CACHED_WORKFLOWS,
                max_concurrent_activities=_concurrency(self._jobs, queue),
                graceful_shutdown_timeout=_GRACE,
            )


def _activities(jobs: Sequence[Job], queue: Queue) -> list[type[Activities]]:
    own = [job.activities for job in jobs if job.kind.queue == queue]
    return [*SHARED_ACTIVITIES, *own] if queue is Queue.WORKFLOWS else own


def _concurrency(jobs: Sequence[Job], queue: Queue) -> int:
    """Return how many activities of the task queue run concurrently."""
    own = sum(job.kind.concurrency for job in jobs if job.kind.queue == queue)
    return own + _SHARED_STEPS if queue is Queue.WORKFLOWS else own


async def _watched(watchdog: Watchdog) -> None:
    """Wind up the watchdog while the loop runs: a stopped process could hold a lock that all writers need."""
    while watchdog.seconds_between:
        watchdog.wind_up()
        await asyncio.sleep(watchdog.seconds_between)


async def _until_cancelled(workers: list[Worker]) -> None:
    """Run the workers; shut them down on a cancellation, or when one fails, and raise its error."""
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        await asyncio.Event().wait()


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(_THREADS_SECONDS)


def _version() -> str:
    try:
        return version("pyharbor")
    except PackageNotFoundError:
        return "unknown"


async def _main(ports: Ports, jobs: Sequence[Job] = JOBS) -> None:
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="WARN", other_level="ERROR"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=quiet)))
    loop = asyncio.get_running_loop()
    process = WorkerProcess(ports, loop, jobs)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    await process.run()


def main() -> int:
    """Run a worker until SIGTERM or SIGINT; return 1, after printing the reason, when it cannot start."""
    try:
        settings = load()
        configure_logging(settings.log)
        ports = build(settings)
    except REFUSALS as error:
        sys.stderr.write(f"{refusal(error)}\n")
        return 1
    try:
        asyncio.run(_main(ports))
    finally:
        ports.db.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
