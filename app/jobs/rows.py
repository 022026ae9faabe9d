"""What every writer of execution rows does the same way: make one, end one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import ids
from app.jobs.contracts import Status
from app.jobs.models import Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """The facts of an execution that is to be."""

    vendor_type: str
    vendor_id: int
    trigger: str
    workflow_type: str
    queue: str
    input: dict[str, Any]
    operator: str = ""
    extra_attrs: dict[str, Any]


def insert(session: Session, wanted: NewExecution, now: datetime, workflow_id: str | None = None) -> Execution:
    """Add a Pending execution; ``workflow_id`` is None until its own id is known."""
    row = Execution(
        vendor_type=wanted.vendor_type,
        vendor_id=wanted.vendor_id,
        trigger=wanted.trigger,
        status=Status.PENDING,
        workflow_type=wanted.workflow_type,
        workflow_id=workflow_id or ids.session_id(),
        queue=wanted.queue,
        input=wanted.input,
        extra_attrs=wanted.extra_attrs,
        operator=wanted.operator,
        creation_time=now,
        update_time=now,
    )
    session.add(row)
    session.flush()
    return row


def finalise(session: Session, workflow_id: str, status: str, message: str, now: datetime) -> bool:
    """End the execution; final is final: False when it had ended before, which changes nothing."""
    statement = (
        sa.update(Execution)
        .where(Execution.workflow_id == workflow_id, Execution.end_time.is_(None))
        .values(status=status, status_message=message, end_time=now, update_time=now)
        .returning(Execution.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(statement).scalar_one_or_none() is not None
