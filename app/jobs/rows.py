"""Inserting and ending execution rows, the same way for every caller."""

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
    """The values of an execution to insert."""

    vendor_type: str
    vendor_id: int
    trigger: str
    workflow_type: str
    queue: str
    input: dict[str, Any]
    operator: str = ""
    extra_attrs: dict[str, Any]


def insert(session: Session, new: NewExecution, now: datetime, workflow_id: str | None = None) -> Execution:
    """Insert a Pending execution; without a ``workflow_id`` it gets a random one for the caller to replace."""
    row = Execution(
        vendor_type=new.vendor_type,
        vendor_id=new.vendor_id,
        trigger=new.trigger,
        status=Status.PENDING,
        workflow_type=new.workflow_type,
        workflow_id=workflow_id or ids.session_id(),
        queue=new.queue,
        input=new.input,
        extra_attrs=new.extra_attrs,
        operator=new.operator,
        creation_time=now,
        update_time=now,
    )
    session.add(row)
    session.flush()
    return row


def finalise(session: Session, workflow_id: str, status: str, message: str, now: datetime) -> bool:
    """End the execution and return True; return False and change nothing when it had ended before."""
    statement = (
        sa.update(Execution)
        .where(Execution.workflow_id == workflow_id, Execution.end_time.is_(None))
        .values(status=status, status_message=message, end_time=now, update_time=now)
        .returning(Execution.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(statement).scalar_one_or_none() is not None
