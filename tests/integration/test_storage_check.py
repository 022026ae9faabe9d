"""A check of the storage slice by slice, and what happens beside it: deletions, healing, interruptions."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.access.principals import ANONYMOUS
from app.context import Context, Ports
from app.core.errors import FieldInvalid, UnauthenticatedError
from app.integrity.check import StorageCheck
from app.integrity.contracts import STORAGE_CHECK, CheckInput
from app.integrity.plan import Plan, sample_size
from app.integrity.service import StorageCheckService
from app.jobs.contracts import Trigger
from app.jobs.runs import JobRun
from app.jobs.service import JobService
from app.settings import Settings
from app.storage.driver import StorageDriver
from app.storage.models import Blob
from tests.support.blobs import content_of, push


@pytest.fixture
def check(ctx: Context) -> Callable[[], StorageCheck]:
    """Begins a run and makes its plan."""

    def begin() -> StorageCheck:
        jobs = JobService(ctx)
        asked = jobs.start(STORAGE_CHECK, CheckInput(), trigger=Trigger.MANUAL)
        workflow_id = jobs.execution(asked).workflow_id
        run = JobRun(ctx, workflow_id, STORAGE_CHECK.workflow)
        run.begin(0)
        made = StorageCheck(run)
        made.plan()
        return made

    return begin


@dataclass
class Meddler:
    """A driver under which something happens once, just before an object is opened."""

    driver: StorageDriver
    happening: Callable[[], object] | None

    def __getattr__(self, name: str) -> object:
        return getattr(self.driver, name)

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        happening, self.happening = self.happening, None
        if happening is not None:
            happening()
        return self.driver.open(key, offset)


def meddle(ports: Ports, happening: Callable[[], object]) -> None:
    ports.storage.driver = Meddler(ports.storage.driver, happening)  # type: ignore[assignment]  # hands on the rest


def quarantined(ports: Ports) -> list[str]:
    rows = ports.db.rows(sa.select(Blob.digest).where(Blob.quarantined_at.is_not(None)))
    return [row.digest for row in rows]


def test_a_blob_larger_than_a_slice(ports: Ports, registry: httpx.Client, check: Callable[[], StorageCheck]) -> None:
    push(registry, "public/app", content_of(5_000_000))
    push(registry, "public/app", b"small")
    begun = check()
    slices = 0
    checked = begun.read(lambda: True, 0.0001)
    while not checked.done:
        slices += 1
        checked = begun.read(lambda: True, 0.0001)
    assert slices > 3
    assert (checked.blobs, checked.bytes, checked.damaged) == (2, 5_000_005, 0)


def test_no_more_is_read_when_told_to_stop(registry: httpx.Client, check: Callable[[], StorageCheck]) -> None:
    push(registry, "public/app", content_of(5_000_000))
    begun = check()
    answers = iter([True, True, True])
    stopped = begun.read(lambda: next(answers, False))
    assert (stopped.done, stopped.blobs) == (False, 0)
    assert begun.read(lambda: True).blobs == 1


def test_a_blob_deleted_meanwhile_is_not_damaged(
    ctx: Context, ports: Ports, registry: httpx.Client, check: Callable[[], StorageCheck]
) -> None:
    gone = push(registry, "public/app", content_of(1000))
    push(registry, "public/app", content_of(1000, 1))
    begun = check()

    def collected() -> None:
        key = ports.db.rows(sa.select(Blob.key).where(Blob.digest == gone))[0].key
        with ctx.write() as session:
            session.execute(sa.update(Blob).where(Blob.digest == gone).values(state="deleting"))
        ports.storage.delete(key)

    meddle(ports, collected)
    checked = begun.read(lambda: True)
    assert (checked.blobs, checked.damaged, checked.unreadable, checked.done) == (1, 0, 0, True)


def test_a_blob_healed_meanwhile_is_not_damaged(
    ports: Ports, registry: httpx.Client, check: Callable[[], StorageCheck]
) -> None:
    digest = push(registry, "public/app", content_of(1000))
    key: str = ports.db.rows(sa.select(Blob.key).where(Blob.digest == digest))[0].key
    (ports.settings.storage.path / key).write_bytes(b"x")
    begun = check()
    meddle(ports, lambda: push(registry, "public/app", content_of(1000)))
    checked = begun.read(lambda: True)
    assert (checked.damaged, checked.unreadable, checked.done) == (0, 0, True)
    assert quarantined(ports) == []
    assert registry.get(f"/v2/public/app/blobs/{digest}").content == content_of(1000)


def test_blobs_pushed_meanwhile_wait_for_the_next_check(
    ports: Ports, registry: httpx.Client, check: Callable[[], StorageCheck]
) -> None:
    push(registry, "public/app", content_of(1000))
    begun = check()
    meddle(ports, lambda: push(registry, "public/app", content_of(1000, 1)))
    assert begun.read(lambda: True).blobs == 1


def test_an_empty_storage_is_done_at_once(check: Callable[[], StorageCheck]) -> None:
    checked = check().read(lambda: True)
    assert (checked.done, checked.blobs) == (True, 0)


def test_the_last_slice_can_be_taken_again(
    ctx: Context, registry: httpx.Client, check: Callable[[], StorageCheck]
) -> None:
    push(registry, "public/app", content_of(1000))
    begun = check()
    assert begun.read(lambda: True) == begun.read(lambda: True)
    assert StorageCheckService(ctx).log(1).count("1 read blobs, 1000 read bytes") == 1


def test_damage_at_the_end_is_summed_up_once(
    ctx: Context, registry: httpx.Client, ports: Ports, check: Callable[[], StorageCheck]
) -> None:
    push(registry, "public/app", content_of(1000))
    (path,) = (path for path in ports.settings.storage.path.rglob("*") if path.is_file())
    path.write_bytes(bytes(1000))
    assert check().read(lambda: True).damaged == 1
    assert StorageCheckService(ctx).log(1).count("1 damaged blobs") == 1


def test_it_is_for_administrators(ctx: Context) -> None:
    with pytest.raises(UnauthenticatedError):
        StorageCheckService(Context(ctx.ports, ANONYMOUS)).run()
    for nonsense in ("0", "-1", "101%", "0%", "5.5", "%", "9" * 40):
        with pytest.raises(FieldInvalid):
            StorageCheckService(ctx).run(nonsense)


def test_the_rate_is_kept(ctx: Context, registry: httpx.Client, ports: Ports, settings: Settings) -> None:
    push(registry, "public/app", content_of(200_000))
    slow = replace(ports, settings=replace(settings, storage_check=replace(settings.storage_check, rate=400_000)))
    jobs = JobService(ctx)
    workflow_id = jobs.execution(jobs.start(STORAGE_CHECK, CheckInput(), trigger=Trigger.MANUAL)).workflow_id
    run = JobRun(Context(slow, ctx.principal), workflow_id, STORAGE_CHECK.workflow)
    run.begin(0)
    begun = StorageCheck(run)
    begun.plan()
    assert not begun.read(lambda: True, 0.2).done
    assert begun.read(lambda: True).done


@given(total=st.integers(0, 400), part=st.integers(1, 500), start=st.integers(0, 399))
def test_a_sample_has_the_size_that_was_asked_for(total: int, part: int, start: int) -> None:
    wanted = sample_size(str(part), total)
    plan = Plan(last=total, total=total, wanted=wanted, start=start % max(1, total))
    assert sum(plan.includes(position) for position in range(total)) == wanted == min(part, total)


def test_every_blob_is_as_likely_in_a_sample() -> None:
    chosen: Counter[int] = Counter()
    for start in range(30):
        plan = Plan(last=30, total=30, wanted=sample_size("10%", 30), start=start)
        chosen.update(position for position in range(30) if plan.includes(position))
    assert set(chosen.values()) == {3}
