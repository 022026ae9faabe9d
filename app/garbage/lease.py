"""The write lease as a collection uses it: taken once, renewed all along, checked in every transaction that deletes."""

import time
from typing import Final

from sqlalchemy.orm import Session

from app.context import Context
from app.core.errors import FenceLost
from app.db import gate
from app.db.database import retried
from app.garbage.contracts import GarbageInput, HeldLease
from app.jobs.runs import JobRun

_RENEW_SECONDS: Final = 10.0
_RENEWALS_PER_LEASE: Final = 6


class WriteLease:
    """One workflow's hold on the write gate; the registry is read-only while it lasts."""

    def __init__(self, run: JobRun, asked: GarbageInput, held: HeldLease) -> None:
        """The run's workflow is the holder."""
        self._ctx = run.ctx
        self._holder = run.workflow_id
        self._fence = held.fence
        self._lease_ms = asked.lease_ms
        self._pause = min(_RENEW_SECONDS, asked.lease_ms / 1000 / _RENEWALS_PER_LEASE)
        self._due = time.monotonic()

    def require(self, session: Session) -> None:
        """Renew inside the open transaction, which deletes only with the lease; FenceLost when it is lost."""
        if not gate.renew(session, self._holder, self._fence, self._lease_ms):
            raise FenceLost
        self._due = time.monotonic() + self._pause

    def keep(self) -> None:
        """Renew in a transaction of its own when ten seconds have passed; FenceLost when it is not ours any more."""
        if time.monotonic() >= self._due:
            with self._ctx.write() as session:
                self.require(session)


@retried()
def acquire(ctx: Context, holder: str, lease_ms: int) -> int | None:
    """Take the lease and return its fence, None while another's lasts; waits up to 60 s for commits in flight."""
    with ctx.write() as session:
        return gate.acquire(session, holder, lease_ms)


def release(ctx: Context, holder: str) -> bool:
    """Give the lease back; False when it was not ours any more, which changes nothing."""
    with ctx.write() as session:
        return gate.release(session, holder)
