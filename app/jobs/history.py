"""The history limits of jobs: which ended executions are deleted, by number and by age."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.jobs.contracts import RETRY_OF, JobType
from app.jobs.models import Execution, Task

AGE: Final = timedelta(days=365)
"""The longest time that an ended execution is kept, except the newest of its vendor and vendor id."""
_KEPT: Final = 50
"""How many executions are kept of a vendor without a job type."""
_EXECUTIONS: Final = 50
_TASKS: Final = 500
_BATCHES: Final = 200
"""Batches per sweep; the next sweep does the rest."""


class History:
    """Deletes ended executions beyond the history limits, with their tasks and logs."""

    def __init__(self, ports: Ports, jobs: Iterable[JobType[Any, Any]]) -> None:
        """Take from ``jobs`` how many executions are kept per vendor and vendor id."""
        self._ports = ports
        self._kept = {job.vendor: job.kept for job in jobs}

    def sweep(self) -> int:
        """Delete executions beyond the limits in short transactions and return how many were deleted.

        An execution's tasks are deleted first, in batches, as there can be hundreds of thousands.
        """
        swept, retried = 0, self._retried()
        for _ in range(_BATCHES):
            expired = [row.id for row in Context(self._ports, SYSTEM).rows(self._expired(retried), {})]
            if not expired or not self._delete_tasks(expired):
                break
            swept += self._delete(sa.delete(Execution).where(Execution.id.in_(expired)))
            if len(expired) < _EXECUTIONS:
                break
        return swept

    def _delete_tasks(self, executions: Sequence[int]) -> bool:
        """Delete the tasks and task logs of the executions; return False when more are left than one sweep deletes."""
        batch = sa.select(Task.id).where(Task.execution_id.in_(executions)).limit(_TASKS)
        return any(self._delete(sa.delete(Task).where(Task.id.in_(batch))) < _TASKS for _ in range(_BATCHES))

    def _delete(self, statement: sa.Delete) -> int:
        with Context(self._ports, SYSTEM).write() as session:
            return session.connection().execute(statement).rowcount

    def _retried(self) -> list[int]:
        """Return the executions whose failed tasks are being retried by an execution that has not ended."""
        sources = (row.input.get(RETRY_OF) for row in Context(self._ports, SYSTEM).rows(_OPEN, {}))
        return [execution_id for execution_id in sources if execution_id]

    def _expired(self, kept_for_now: Sequence[int]) -> sa.Select[int]:
        """Return the statement that selects the executions to delete, oldest first."""
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
