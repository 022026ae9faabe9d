"""Collections that were never told to delete untagged artifacts keep them.

An absent flag counted as true before, and what is stored does not tell whether it was absent. So it is false now
everywhere, and the log names what was changed, for whoever wants it to be true again.
"""

import sqlalchemy as sa
import structlog
from alembic import op

from app.db import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_VENDOR = "GARBAGE_COLLECTION"
_FLAG = "delete_untagged"
_log = structlog.get_logger()
_schedules = sa.table("schedule", sa.column("id"), sa.column("generation"), sa.column("input", types.Document))
_runs = sa.table("execution", sa.column("id"), sa.column("input", types.Document))


def upgrade() -> None:
    """Set the flag to false in schedules, of which Temporal is told, and in runs that have not begun."""
    stored = sa.and_(sa.column("vendor_type") == _VENDOR, sa.column("deleted").is_(sa.false()))
    changed = _kept(_schedules, stored, generation=_schedules.c.generation + 1)
    if changed:
        _log.warning(
            "gc_schedules_keep_untagged",
            schedules=changed,
            reason="their runs deleted untagged artifacts, which may never have been asked for; to ask for it, "
            "set parameters.delete_untagged to true by PUT /api/v2.0/system/gc/schedule",
        )
    open_ = sa.and_(sa.column("vendor_type") == _VENDOR, sa.column("start_time").is_(None))
    changed = _kept(_runs, sa.and_(open_, sa.column("end_time").is_(None)))
    if changed:
        _log.warning("gc_runs_keep_untagged", executions=changed, reason="as for schedules; they had not begun")


def downgrade() -> None:
    """Leave the rows: false is as valid before."""


def _kept(table: sa.TableClause, which: sa.ColumnElement[bool], **values: sa.ColumnElement[int]) -> list[int]:
    """Set the flag to false where it is true; returns the ids."""
    connection = op.get_bind()
    rows = connection.execute(sa.select(table.c.id, table.c.input).select_from(table).where(which)).all()
    changed = sorted(row.id for row in rows if row.input.get(_FLAG))
    for row in rows:
        if row.id in changed:
            statement = sa.update(table).where(table.c.id == row.id)
            connection.execute(statement.values(input=row.input | {_FLAG: False}, **values))
    return changed
