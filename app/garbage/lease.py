"""The write lease of a collection: acquired once, renewed during the run, checked in each deleting transaction."""

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
    """The write lease that a workflow holds; the registry is read-only meanwhile."""

    def __init__(self, run: JobRun, job_input: GarbageInput, held: HeldLease) -> None:
        """Use the lease ``held`` by the run's workflow."""
        self._ctx = run.ctx
        self._holder = run.workflow_id
        self._fence = held.fence
        self._lease_ms = job_input.lease_ms
        self._pause = min(_RENEW_SECONDS, job_input.lease_ms / 1000 / _RENEWALS_PER_LEASE)
        self._due = time.monotonic()

    def require_held(self, session: Session) -> None:
        """Renew the lease in the open transaction; raise FenceLost when it is lost, so that nothing is deleted."""
        if not gate.renew(session, self._holder, self._fence, self._lease_ms):
            raise FenceLost
        self._due = time.monotonic() + self._pause

    def keep(self) -> None:
        """Renew the lease in a transaction of its own once ten seconds have passed; raise FenceLost when it is lost."""
        if time.monotonic() >= self._due:
            with self._ctx.write() as session:
                self.require_held(session)


@retried()
def acquire(ctx: Context, holder: str, lease_ms: int) -> int | None:
    """Take the lease and return its fence, None while another holder has it; wait at most 60 s for open commits."""
    with ctx.write() as session:
        return gate.acquire(session, holder, lease_ms)


def release(ctx: Context, holder: str) -> bool:
    """Release the lease and return True; return False and change nothing when ``holder`` no longer has it."""
    with ctx.write() as session:
        return gate.release(session, holder)
