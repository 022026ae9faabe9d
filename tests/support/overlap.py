"""Two transactions at once, of which the second wants what the first has changed and not committed yet."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa

from app.access.principals import SYSTEM
from app.context import Context, Ports

T = TypeVar("T")
_WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
_LOOK_SECONDS = 0.01


def overlapped(ports: Ports, first: Callable[[Context], object], second: Callable[[Context], T]) -> T:
    """Do ``first`` in a transaction that is committed once ``second``, on another thread, waits for it or has ended."""
    with ThreadPoolExecutor(1) as pool:
        ctx = Context(ports, SYSTEM)
        with ctx.write() as session:
            first(ctx)
            session.flush()
            later = pool.submit(lambda: second(Context(ports, SYSTEM)))
            while not (ports.db.sqlite or later.done() or ports.db.rows(_WAITING)[0][0]):
                time.sleep(_LOOK_SECONDS)
        return later.result()
