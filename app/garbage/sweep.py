"""The sweep of a garbage collection: claim blobs under the lease, commit, delete the bytes, delete the rows."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import structlog

from app.artifacts.sweeping import TakenBatch, take_batch
from app.context import Context
from app.core.errors import DomainError
from app.db.database import retried
from app.garbage.contracts import GarbageInput, SweepStep, Swept
from app.garbage.lease import WriteLease
from app.jobs.runs import JobRun
from app.storage import claimed
from app.storage.claimed import ClaimedBlob

_log = structlog.get_logger()
_BATCH: Final = 500
_SLICE_SECONDS: Final = 60.0
_DONE: Final = -1


class Sweep:
    """One share of a collection's sweep: the blobs whose id modulo ``shares`` is ``share``."""

    def __init__(self, run: JobRun, job_input: GarbageInput, step: SweepStep) -> None:
        self._ctx = run.ctx
        self._run = run
        self._lease = WriteLease(run, job_input, step.lease)
        self._window_ms = job_input.window_ms
        self._step = step

    def run(self, go_on: Callable[[], bool], seconds: float = _SLICE_SECONDS) -> Swept:
        """Delete eligible blobs until none is left, ``seconds`` have passed or ``go_on`` returns False.

        An interrupted deletion is finished by the next run: a claimed blob stays in the state ``deleting``. Raises
        FenceLost when the lease is lost.
        """
        deadline = time.monotonic() + seconds
        cursor, freed = self._step.cursor, [0, 0]
        completed = self._free(self._left_over(), go_on, freed)
        while completed and cursor != _DONE and go_on() and time.monotonic() < deadline:
            batch = self._claim(cursor)
            completed = self._free(batch.dead, go_on, freed)
            cursor = batch.last if batch.full or not completed else _DONE
        if cursor == _DONE and not self._free(self._left_over(), go_on, freed):
            cursor = self._step.cursor
        if freed[0]:
            self._run.log(
                f"share {self._step.share + 1}/{self._step.shares}: {freed[0]} blobs deleted, {freed[1]} bytes freed"
            )
        return Swept(cursor=cursor, blobs=freed[0], bytes=freed[1])

    @retried()
    def _claim(self, cursor: int) -> TakenBatch:
        """Take the next batch out of the queue in one transaction, with the lease checked."""
        with self._ctx.write() as session:
            self._lease.require_held(session)
            times = {"cutoff": self._step.cutoff_ms, "window": self._window_ms}
            return take_batch(self._ctx, times | self._page(cursor))

    def _left_over(self) -> Iterator[ClaimedBlob]:
        """Yield the blobs that another run claimed and did not delete, because it ended or was taken for dead."""
        last = 0
        while blobs := self._left_over_after(last):
            yield from blobs
            last = blobs[-1].id

    def _left_over_after(self, last: int) -> Sequence[ClaimedBlob]:
        with self._ctx.read() as session:
            return claimed.page(session, self._page(last))

    def _page(self, cursor: int) -> dict[str, int]:
        return {"share": self._step.share, "shares": self._step.shares, "cursor": cursor, "limit": _BATCH}

    def _free(self, dead: Iterable[ClaimedBlob], go_on: Callable[[], bool], freed: list[int]) -> bool:
        """Delete bytes and rows of the blobs; return False when ``go_on`` returned False before the last one."""
        unlinked: list[int] = []
        completed = True
        for blob in dead:
            completed = go_on()
            if not completed:
                break
            self._lease.keep()
            if unlink(self._ctx, blob):
                unlinked.append(blob.id)
            if len(unlinked) >= _BATCH:
                self._forget(unlinked, freed)
                unlinked = []
        self._forget(unlinked, freed)
        return completed

    def _forget(self, blob_ids: Sequence[int], freed: list[int]) -> None:
        if not blob_ids:
            return
        with self._ctx.write() as session:
            blobs, size = claimed.forget(session, blob_ids)
            self._run.count({"purged_blobs": blobs, "freed_space": size})
        freed[0] += blobs
        freed[1] += size


def unlink(ctx: Context, blob: ClaimedBlob) -> bool:
    """Delete a claimed blob's bytes; return False when the storage fails, then the next run tries again."""
    try:
        ctx.ports.storage.delete(blob.key)
    except (DomainError, OSError) as error:
        _log.error("blob_delete_failed", digest=blob.digest, key=blob.key, reason=str(error))
        return False
    return True
