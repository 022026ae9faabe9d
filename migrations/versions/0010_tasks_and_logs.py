"""Tasks know their progress and are found by state, and logs are rows of their own, for tasks and executions alike."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_OPEN = sa.text("end_time IS NULL")
_CHUNK = 8192
_execution = sa.table(
    "execution",
    sa.column("id", types.BigId),
    sa.column("status", sa.String),
    sa.column("resume_point", types.Document),
    sa.column("creation_time", types.UtcDateTime),
    sa.column("update_time", types.UtcDateTime),
    sa.column("end_time", types.UtcDateTime),
)
_task = sa.table(
    "task",
    sa.column("id", types.BigId),
    sa.column("execution_id", types.BigId),
    sa.column("natural_key", sa.String),
    sa.column("status", sa.String),
    sa.column("status_message", sa.Text),
    sa.column("run_count", sa.Integer),
    sa.column("extra_attrs", types.Document),
    sa.column("log", sa.Text),
    sa.column("creation_time", types.UtcDateTime),
    sa.column("start_time", types.UtcDateTime),
    sa.column("update_time", types.UtcDateTime),
    sa.column("end_time", types.UtcDateTime),
)
_chunk = sa.table(
    "log_chunk",
    sa.column("id", types.BigId),
    sa.column("execution_id", types.BigId),
    sa.column("text", sa.Text),
    sa.column("size", sa.Integer),
    sa.column("log_size", sa.Integer),
    sa.column("dropped", sa.Integer),
)


def upgrade() -> None:
    """Apply; the one task that held an execution's log and resume point becomes chunks and a column."""
    _make_log_chunks()
    empty = sa.text("'{}'")
    op.add_column("execution", sa.Column("resume_point", types.Document, nullable=False, server_default=empty))
    _move_logs()
    op.drop_column("task", "log")
    op.add_column("task", sa.Column("step", sa.String(64), nullable=False, server_default=""))
    for name in ("bytes_done", "bytes_total"):
        op.add_column("task", sa.Column(name, types.BigId, nullable=False, server_default=sa.text("0")))
    op.create_index("ix_task_status", "task", ["execution_id", "status"])
    op.create_index("ix_task_open", "task", ["execution_id", "id"], sqlite_where=_OPEN, postgresql_where=_OPEN)


def downgrade() -> None:
    """Undo; an execution's log and resume point become its task again, in the place of one of that name."""
    op.drop_index("ix_task_open", table_name="task")
    op.drop_index("ix_task_status", table_name="task")
    for name in ("bytes_total", "bytes_done", "step"):
        op.drop_column("task", name)
    op.add_column("task", sa.Column("log", sa.Text, nullable=False, server_default=""))
    _put_logs_back()
    op.drop_table("log_chunk")
    op.drop_column("execution", "resume_point")


def _make_log_chunks() -> None:
    op.create_table(
        "log_chunk",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("execution_id", types.BigId, sa.ForeignKey("execution.id", ondelete="CASCADE")),
        sa.Column("task_id", types.BigId, sa.ForeignKey("task.id", ondelete="CASCADE")),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("log_size", sa.Integer, nullable=False),
        sa.Column("dropped", sa.Integer, nullable=False),
        sa.CheckConstraint("(execution_id IS NULL) <> (task_id IS NULL)", name="one_owner"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_log_chunk_execution", "log_chunk", ["execution_id", "id"])
    op.create_index("ix_log_chunk_task", "log_chunk", ["task_id", "id"])


def _move_logs() -> None:
    connection = op.get_bind()
    for task in connection.execute(sa.select(_task).where(_task.c.natural_key == "log")).all():
        own = _execution.c.id == task.execution_id
        connection.execute(sa.update(_execution).where(own).values(resume_point=task.extra_attrs))
        size = 0
        for text in _chunks(task.log):
            size += len(text.encode())
            values = {"execution_id": task.execution_id, "text": text, "size": len(text.encode()), "log_size": size}
            connection.execute(sa.insert(_chunk).values(**values, dropped=0))
    connection.execute(sa.delete(_task).where(_task.c.natural_key == "log"))


def _chunks(log: str) -> Iterator[str]:
    text = ""
    for line in log.splitlines(keepends=True):
        if text and len(text) + len(line) > _CHUNK:
            yield text
            text = ""
        text += line
    if text:
        yield text


def _put_logs_back() -> None:
    connection = op.get_bind()
    connection.execute(sa.delete(_task).where(_task.c.natural_key == "log"))
    for execution in connection.execute(sa.select(_execution)).all():
        own = _chunk.c.execution_id == execution.id
        log = "".join(connection.execute(sa.select(_chunk.c.text).where(own).order_by(_chunk.c.id)).scalars())
        if log or execution.resume_point:
            values = {
                "execution_id": execution.id,
                "natural_key": "log",
                "status": execution.status,
                "status_message": "",
                "run_count": 0,
                "extra_attrs": execution.resume_point,
                "log": log,
                "creation_time": execution.creation_time,
                "start_time": execution.creation_time,
                "update_time": execution.update_time,
                "end_time": execution.end_time,
            }
            connection.execute(sa.insert(_task).values(values))
