"""The write gate under load: nothing is committed while the lease is held, and writes come back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from app.context import Context, Ports
from app.core.errors import ReadOnly, UnavailableError
from app.db import gate
from app.db.types import clock_ms

_LEASE_MS = 60_000


@pytest.fixture
def commits(ports: Ports) -> sa.Table:
    """A table whose rows say when they were committed, by the database's clock."""
    table = sa.Table(
        "committed", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("at", sa.BigInteger)
    )
    table.create(ports.db.engine)
    return table


def test_nothing_is_committed_while_the_lease_is_held(ports: Ports, ctx: Context, commits: sa.Table) -> None:
    stop, refused, held = threading.Event(), [0], []

    def write() -> None:
        own = Context(ports)
        while not stop.is_set():
            try:
                with own.write_content() as session:
                    time.sleep(0.002)
                    session.execute(commits.insert().values(at=clock_ms()))
            except UnavailableError:
                refused[0] += 1
                time.sleep(0.002)

    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write) for _ in range(8)]
        for _ in range(6):
            time.sleep(0.1)
            with ctx.write() as session:
                fence = gate.acquire(session, "collector", _LEASE_MS)
                assert fence is not None
            begun = _count(ctx, commits)
            time.sleep(0.1)
            held.append(_count(ctx, commits) - begun)
            with ctx.write() as session:
                assert gate.release(session, "collector", fence)
        stop.set()
        for writer in writers:
            writer.result()

    assert held == [0] * 6
    assert refused[0] > 0
    assert _count(ctx, commits) > 0


def test_one_holder_at_a_time_and_fences_grow(ctx: Context) -> None:
    assert _acquire(ctx, "first", _LEASE_MS) == 1
    assert _acquire(ctx, "second", _LEASE_MS) is None
    assert _acquire(ctx, "first", _LEASE_MS) == 2


def test_a_lease_that_ran_out_is_neither_renewed_nor_released_by_its_old_holder(ctx: Context) -> None:
    assert _acquire(ctx, "dead", 50) == 1
    time.sleep(0.1)
    with ctx.read() as session:
        assert not gate.state(session).read_only
    with ctx.write() as session:
        assert not gate.renew(session, "dead", 1, _LEASE_MS)
    assert _acquire(ctx, "next", _LEASE_MS) == 2
    with ctx.write() as session:
        assert not gate.release(session, "dead")
        assert not gate.holds(session, "dead", 1)
        assert gate.holds(session, "next", 2)


def test_the_administrators_switch_is_another_matter(ctx: Context) -> None:
    with ctx.write() as session:
        gate.switch(session, on=True)
    assert _acquire(ctx, "collector", _LEASE_MS) == 1
    with ctx.write() as session:
        assert gate.release(session, "collector")
    with pytest.raises(ReadOnly), ctx.write_content():
        pass
    with ctx.write() as session:
        gate.switch(session, on=False)
    with ctx.write_content():
        pass


def _acquire(ctx: Context, holder: str, ttl_ms: int) -> int | None:
    with ctx.write() as session:
        return gate.acquire(session, holder, ttl_ms)


def _count(ctx: Context, commits: sa.Table) -> int:
    with ctx.read() as session:
        return session.execute(sa.select(sa.func.count()).select_from(commits)).scalar_one()
