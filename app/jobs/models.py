"""The tables of jobs: executions, tasks, logs, schedules, and the worker processes."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, Document, UtcDateTime, byte_text


class Execution(Base):
    """One run of a job; the row is the desired state, the dispatcher and the reconciler converge Temporal to it."""

    __tablename__ = "execution"
    __table_args__ = table_args(
        sa.Index("ix_execution_vendor", "vendor_type", "vendor_id", "id"),
        sa.Index(
            "ix_execution_undispatched",
            "id",
            sqlite_where=sa.text("dispatched_at IS NULL AND end_time IS NULL"),
            postgresql_where=sa.text("dispatched_at IS NULL AND end_time IS NULL"),
        ),
        sa.Index(
            "ix_execution_unstopped",
            "id",
            sqlite_where=sa.text("stop_requested_at IS NOT NULL AND end_time IS NULL"),
            postgresql_where=sa.text("stop_requested_at IS NOT NULL AND end_time IS NULL"),
        ),
        sa.Index(
            "ix_execution_open",
            "update_time",
            sqlite_where=sa.text("end_time IS NULL"),
            postgresql_where=sa.text("end_time IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    vendor_type: Mapped[str] = mapped_column(byte_text(64))
    vendor_id: Mapped[int] = mapped_column(BigId, default=0)
    trigger: Mapped[str] = mapped_column(byte_text(16))
    """MANUAL, SCHEDULE or EVENT."""
    status: Mapped[str] = mapped_column(byte_text(16), default="Pending")
    """Harbor's state: Pending, Scheduled, Running, or one of the final states Success, Error, Stopped."""
    status_message: Mapped[str] = mapped_column(sa.Text, default="")
    workflow_type: Mapped[str] = mapped_column(byte_text(64))
    workflow_id: Mapped[str] = mapped_column(byte_text(255), unique=True)
    queue: Mapped[str] = mapped_column(byte_text(64))
    input: Mapped[dict[str, Any]] = mapped_column(Document)
    """The workflow's input: ids and small facts, never secrets."""
    extra_attrs: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    """Counters and parameters that the API shows."""
    operator: Mapped[str] = mapped_column(sa.String(255), default="")
    resume_point: Mapped[dict[str, Any]] = mapped_column(Document, default=dict, server_default=sa.text("'{}'"))
    """Where a run without tasks resumes."""
    dispatched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the workflow was started in Temporal; None until then."""
    stop_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stop_sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    start_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)
    end_time: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Task(Base):
    """One part of an execution; its row is where the work resumes after a crash."""

    __tablename__ = "task"
    __table_args__ = table_args(
        sa.UniqueConstraint("execution_id", "natural_key"),
        sa.Index("ix_task_status", "execution_id", "status"),
        sa.Index(
            "ix_task_open",
            "execution_id",
            "id",
            sqlite_where=sa.text("end_time IS NULL"),
            postgresql_where=sa.text("end_time IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    execution_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("execution.id", ondelete="CASCADE"))
    natural_key: Mapped[str] = mapped_column(byte_text(255))
    """The key of the task's subject, unique within the execution."""
    status: Mapped[str] = mapped_column(byte_text(16), default="Pending")
    status_message: Mapped[str] = mapped_column(sa.Text, default="")
    """What the task is doing while it runs; the reason once it has ended."""
    run_count: Mapped[int] = mapped_column(default=0)
    """How often the task was claimed; only the latest claim may end it."""
    step: Mapped[str] = mapped_column(sa.String(64), default="", server_default="")
    bytes_done: Mapped[int] = mapped_column(BigId, default=0, server_default=sa.text("0"))
    bytes_total: Mapped[int] = mapped_column(BigId, default=0, server_default=sa.text("0"))
    """0 while unknown."""
    extra_attrs: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    start_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)
    end_time: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LogChunk(Base):
    """A few whole lines of the log of one task, or of one execution."""

    __tablename__ = "log_chunk"
    __table_args__ = table_args(
        sa.CheckConstraint("(execution_id IS NULL) <> (task_id IS NULL)", name="one_owner"),
        sa.Index("ix_log_chunk_execution", "execution_id", "id"),
        sa.Index("ix_log_chunk_task", "task_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    execution_id: Mapped[int | None] = mapped_column(BigId, sa.ForeignKey("execution.id", ondelete="CASCADE"))
    task_id: Mapped[int | None] = mapped_column(BigId, sa.ForeignKey("task.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(sa.Text)
    size: Mapped[int]
    """Bytes of this chunk in UTF-8."""
    log_size: Mapped[int]
    """Bytes of the log up to the end of this chunk."""
    dropped: Mapped[int] = mapped_column(default=0)
    """Lines after this chunk that were dropped because the log was full."""


class Schedule(Base):
    """When a job is due; changes increment ``generation``, synchronising to Temporal sets ``synced_generation``."""

    __tablename__ = "schedule"
    __table_args__ = table_args(sa.UniqueConstraint("vendor_type", "vendor_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    vendor_type: Mapped[str] = mapped_column(byte_text(64))
    vendor_id: Mapped[int] = mapped_column(BigId, default=0)
    cron: Mapped[str] = mapped_column(byte_text(128))
    """A cron expression of Harbor's six fields: second minute hour day month weekday."""
    cron_type: Mapped[str] = mapped_column(byte_text(16))
    """Hourly, Daily, Weekly, Custom."""
    workflow_type: Mapped[str] = mapped_column(byte_text(64))
    queue: Mapped[str] = mapped_column(byte_text(64))
    input: Mapped[dict[str, Any]] = mapped_column(Document)
    paused: Mapped[bool] = mapped_column(default=False)
    deleted: Mapped[bool] = mapped_column(default=False)
    generation: Mapped[int] = mapped_column(BigId, default=1)
    synced_generation: Mapped[int] = mapped_column(BigId, default=0)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class WorkerProcess(Base):
    """A worker process and its last heartbeat, in milliseconds of the database's clock."""

    __tablename__ = "worker_process"

    id: Mapped[str] = mapped_column(byte_text(36), primary_key=True)
    host: Mapped[str] = mapped_column(sa.String(255))
    pid: Mapped[int]
    version: Mapped[str] = mapped_column(sa.String(32))
    queues: Mapped[list[str]] = mapped_column(Document)
    temporal_reachable: Mapped[bool] = mapped_column(default=False)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[int] = mapped_column(BigId)
