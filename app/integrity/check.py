"""The storage check: read stored blobs, quarantine damaged ones, release sound ones, and store the resume point."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from app.artifacts import stored_copies
from app.artifacts.quarantine import StoredCopy, is_lost, quarantine, release
from app.artifacts.stored_copies import CheckedCopy
from app.integrity.contracts import STORAGE_CHECK, Checked, CheckInput, Planned
from app.integrity.plan import Partial, Plan, Point, sample_size
from app.integrity.reading import Finding, Pace, read
from app.jobs.contracts import Status
from app.jobs.runs import JobRun
from app.jobs.service import JobService

_BATCH: Final = 500
_SLICE_SECONDS: Final = 60.0
_KEEP_SECONDS: Final = 5.0
_TOLD: Final = 1000
"""How many damaged or unreadable blobs get a line in a run's log; further ones are only counted."""
_NAMED: Final = 10
READ, BYTES, DAMAGED, UNREADABLE, RELEASED = COUNTERS = (
    "read_blobs",
    "read_bytes",
    "damaged_blobs",
    "unreadable_blobs",
    "released_blobs",
)
"""The counters of a run, in the order in which they are shown."""


class StorageCheck:
    """Runs a storage check. It holds no transaction while it reads, and writes go on meanwhile."""

    def __init__(self, run: JobRun) -> None:
        self._ctx = run.ctx
        self._run = run
        self._tally: Counter[str] = Counter()
        self._keep_at = 0.0

    def plan(self) -> Planned:
        """Decide once which blobs the run reads, or resume where an earlier run stopped.

        Return None for the number of blobs while an older check runs, since two would read at twice the rate.
        """
        job_input = CheckInput.of(self._run.require_input())
        unended = JobService(self._ctx).unended(STORAGE_CHECK.vendor)
        running = [run for run in unended if run.status == Status.RUNNING]
        if running and running[0].workflow_id != self._run.workflow_id:
            self._run.log(f"storage check {running[0].id} is running")
            return Planned(blobs=None)
        point = Point.from_row(self._run.kept())
        if point is None:
            point = self._resumed_or_none(job_input.resumes) or self._fresh(job_input.sample)
            with self._ctx.write():
                self._run.keep(point.row())
                resumed = f", going on behind blob {point.cursor}" if point.cursor else ""
                self._run.log(f"{point.plan.wanted} of {point.plan.total} blobs are to be read{resumed}")
        return Planned(blobs=point.plan.wanted)

    def read(self, go_on: Callable[[], bool], seconds: float = _SLICE_SECONDS) -> Checked:
        """Read further blobs until all are read, ``seconds`` have passed or ``go_on`` returns False."""
        self._run.require_input()
        point = Point.from_row(self._run.kept())
        pace = Pace(self._ctx.ports.settings.storage_check.rate, go_on, seconds)
        self._keep_at = time.monotonic() + _KEEP_SECONDS
        if point is not None and not point.done:
            point = self._read_on(point, pace)
            with self._ctx.write():
                self._keep(point)
                if point.done:
                    self._sum_up()
        counted = self._run.counters()
        seen = {name: int(counted.get(name, 0)) for name in COUNTERS}
        return Checked(
            blobs=seen[READ],
            bytes=seen[BYTES],
            damaged=seen[DAMAGED],
            unreadable=seen[UNREADABLE],
            done=point is None or point.done,
        )

    def _read_on(self, point: Point, pace: Pace) -> Point:
        while not point.done and not pace.over:
            point = self._batch(point, pace)
        return point

    def _resumed_or_none(self, execution_id: int) -> Point | None:
        if not execution_id:
            return None
        workflow_id = JobService(self._ctx).execution(execution_id).workflow_id
        earlier = JobRun(self._ctx, workflow_id, STORAGE_CHECK.workflow)
        point = Point.from_row(earlier.kept())
        return replace(point, told=0) if point is not None and not point.done else None

    def _fresh(self, sample: str) -> Point:
        total, last = stored_copies.extent(self._ctx)
        plan = Plan(
            last=last,
            total=total,
            wanted=sample_size(sample, total),
            start=random.randrange(max(1, total)),  # noqa: S311 - where a sample begins is no secret
        )
        return Point(plan=plan)

    def _batch(self, point: Point, pace: Pace) -> Point:
        copies = stored_copies.page(self._ctx, cursor=point.cursor, last=point.plan.last, limit=_BATCH)
        for checked in copies:
            point = self._visit(checked, point, pace)
            if point.partial is not None or pace.over:
                return point
            if time.monotonic() >= self._keep_at:
                self._keep(point)
        return point if len(copies) == _BATCH else replace(point, cursor=point.plan.last)

    def _visit(self, checked: CheckedCopy, point: Point, pace: Pace) -> Point:
        copy = checked.copy
        after = replace(point, cursor=copy.id, position=point.position + 1, partial=None)
        if not (checked.quarantined or point.plan.includes(point.position)):
            return after
        finding = read(self._ctx, copy, point.partial, pace)
        if isinstance(finding, Partial):
            return replace(point, partial=finding)
        if not finding.sound:
            return self._record(copy, finding, after)
        self._tally.update({READ: 1, BYTES: finding.read})
        return self._released(copy, after) if checked.quarantined else after

    def _record(self, copy: StoredCopy, finding: Finding, after: Point) -> Point:
        """Quarantine the blob if it is damaged and log the finding, unless it was deleted or repaired meanwhile."""
        if finding.missing and not is_lost(self._ctx, copy):
            finding = Finding(trouble="its object is missing, and so are others: is the storage there?")
        holders = stored_copies.holders(self._ctx, copy, _NAMED + 1)
        with self._ctx.write():
            if not self._stands(copy, finding):
                return after
            kind = UNREADABLE if finding.damage is None else DAMAGED
            self._tally.update({READ: 1, BYTES: finding.read, kind: 1})
            after = replace(after, told=after.told + 1)
            if after.told <= _TOLD:
                self._run.log(f"{_described(finding)}: {copy.digest}, {_held(holders)}")
            self._keep(after)
        return after

    def _stands(self, copy: StoredCopy, finding: Finding) -> bool:
        """Tell whether the blob still has the object that was read; quarantine it when it is damaged."""
        if finding.damage is not None:
            return quarantine(self._ctx, copy, finding.damage)
        return stored_copies.is_current(self._ctx, copy)

    def _released(self, copy: StoredCopy, after: Point) -> Point:
        with self._ctx.write():
            if release(self._ctx, copy):
                self._tally[RELEASED] += 1
                self._run.log(f"good again: {copy.digest}")
            self._keep(after)
        return after

    def _keep(self, point: Point) -> None:
        """Store the counters and the resume point in one transaction."""
        with self._ctx.write():
            self._run.count(self._tally)
            self._run.keep(point.row())
        self._tally = Counter()
        self._keep_at = time.monotonic() + _KEEP_SECONDS

    def _sum_up(self) -> None:
        counted = self._run.counters()
        self._run.log(", ".join(f"{counted.get(name, 0)} {name.replace('_', ' ')}" for name in COUNTERS))


def _described(finding: Finding) -> str:
    damage = finding.damage
    if damage is None:
        return f"unreadable ({finding.trouble})"
    if damage.get("stored") is None:
        return "damaged (its object is missing)"
    if "actual" in damage:
        return f"damaged (its bytes have the digest {damage['actual']})"
    return f"damaged ({damage['stored']} bytes instead of {damage['expected']})"


def _held(names: Sequence[str]) -> str:
    more = " and more" if len(names) > _NAMED else ""
    return f"held by {', '.join(names[:_NAMED])}{more}" if names else "held by no repository"
