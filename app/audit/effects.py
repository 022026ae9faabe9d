"""Write audit log rows for events: one handler for all, as each event says itself what the log shows of it."""

from typing import Final

import sqlalchemy as sa

from app.audit.models import AuditLog
from app.audit.selection import recorded
from app.context import Context
from app.db import numbers
from app.db.conflict import full_insert
from app.db.plans import run, run_many
from app.events.base import Event

ANONYMOUS: Final = "anonymous"
_USERNAME_LIMIT: Final = 255
_RESOURCE_LIMIT: Final = 512


def record(ctx: Context, event: Event) -> None:
    """Write the audit log rows of the event, as far as the configuration records its type."""
    lines = event.audit_lines()
    if not lines:
        return
    now = ctx.ports.clock.now()
    rows: list[dict[str, object]] = [
        {
            "op_time": now,
            "project_id": line.project_id,
            "username": (line.operator or ANONYMOUS)[:_USERNAME_LIMIT],
            "operation": event.operation,
            "resource_type": line.resource_type or event.resource_type,
            "resource": line.resource[:_RESOURCE_LIMIT],
            "success": event.succeeded,
        }
        for line in lines
    ]
    _insert(ctx, rows)


def _insert(ctx: Context, rows: list[dict[str, object]]) -> None:
    rows = recorded(ctx, rows)
    if not rows:
        return
    with ctx.write() as session:
        ids = numbers.take(session, numbers.AUDIT, len(rows))
        numbered = [row | {"id": number} for number, row in zip(ids, rows, strict=True)]
        if len(numbered) == 1:
            run(session, _INSERT_ONE, numbered[0])
        else:
            run_many(session, _INSERT, numbered)


_INSERT = sa.insert(AuditLog)
_INSERT_ONE = full_insert(AuditLog, *AuditLog.__table__.columns.keys())
