"""What is forgotten of ended executions: those beyond the newest of their policy, and those that are too old."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from app.context import Ports
from app.jobs.contracts import RETRY_OF, JobType
from app.jobs.models import Execution, Task

AGE: Final = timedelta(days=365)
"""An ended execution is kept no longer than this, except the newest of its vendor and vendor id."""
_KEPT: Final = 50
"""Of a vendor that no job type names any more."""
_EXECUTIONS: Final = 50
_TASKS: Final = 500
_BATCHES: Final = 200
"""In one sweep; the rest is left to the next one."""


class History:
    """The executions that have ended, with their tasks and logs."""

    def __init__(self, ports: Ports, jobs: Iterable[JobType[Any, Any]]) -> None:
        """``jobs`` tell how many executions of each vendor and vendor id are kept."""
        self._ports = ports
        self._kept = {job.vendor: job.kept for job in jobs}

    def sweep(self) -> int:
        """Forget what is beyond the limits, in short transactions, and return how many executions went.

        An execution's tasks go first, a batch at a time, as one can have hundreds of thousands.
        """
        swept, tried = 0, self._tried()
        for _ in range(_BATCHES):
            expired = [row.id for row in self._ports.db.rows(self._expired(tried))]
            if not expired or not self._without_tasks(expired):
                break
            swept += self._delete(sa.delete(Execution).where(Execution.id.in_(expired)))
            if len(expired) < _EXECUTIONS:
                break
        return swept

    def _without_tasks(self, executions: Sequence[int]) -> bool:
        """Delete their tasks with their logs; False when more are left than one sweep takes."""
        batch = sa.select(Task.id).where(Task.execution_id.in_(executions)).limit(_TASKS)
        return any(self._delete(sa.delete(Task).where(Task.id.in_(batch))) < _TASKS for _ in range(_BATCHES))

    def _delete(self, statement: sa.Delete) -> int:
        with self._ports.db.write() as session:
            return session.connection().execute(statement).rowcount

    def _tried(self) -> list[int]:
        """The executions whose failed tasks are tried again by one that has not ended."""
        asked = (row.input.get(RETRY_OF) for row in self._ports.db.rows(_OPEN))
        return [execution_id for execution_id in asked if execution_id]

    def _expired(self, kept_for_now: Sequence[int]) -> sa.Select[int]:
        """The statement that finds them, the oldest first."""
        oldest = self._ports.clock.now() - AGE
        newest_first = sa.func.row_number().over(
            partition_by=(Execution.vendor_type, Execution.vendor_id), order_by=Execution.id.desc()
        )
        kept = sa.case(self._kept, value=Execution.vendor_type, else_=_KEPT) if self._kept else sa.literal(_KEPT)
        columns = sa.select(Execution.id, Execution.end_time, newest_first.label("place"), kept.label("kept"))
        ranked = columns.subquery("ranked")
        beyond = sa.or_(ranked.c.place > ranked.c.kept, sa.and_(ranked.c.place > 1, ranked.c.end_time < oldest))
        ended = sa.select(ranked.c.id).where(ranked.c.end_time.is_not(None), beyond, ranked.c.id.not_in(kept_for_now))
        return ended.order_by(ranked.c.id).limit(_EXECUTIONS)


_OPEN: Final = sa.select(Execution.input).where(Execution.end_time.is_(None))
