"""Jobs as rows: what was asked for, how far it is, when it is due, and who works."""

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
    """Harbor's: Pending, Scheduled, Running; final are Success, Error, Stopped."""
    status_message: Mapped[str] = mapped_column(sa.Text, default="")
    workflow_type: Mapped[str] = mapped_column(byte_text(64))
    workflow_id: Mapped[str] = mapped_column(byte_text(255), unique=True)
    queue: Mapped[str] = mapped_column(byte_text(64))
    input: Mapped[dict[str, Any]] = mapped_column(Document)
    """The workflow's input: ids and small facts, never secrets."""
    extra_attrs: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    """Counters and parameters that the API shows."""
    operator: Mapped[str] = mapped_column(sa.String(255), default="")
    dispatched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When Temporal was seen to have the workflow."""
    stop_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stop_sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    start_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)
    end_time: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Task(Base):
    """One part of an execution."""

    __tablename__ = "task"
    __table_args__ = table_args(sa.UniqueConstraint("execution_id", "natural_key"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    execution_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("execution.id", ondelete="CASCADE"))
    natural_key: Mapped[str] = mapped_column(byte_text(255))
    status: Mapped[str] = mapped_column(byte_text(16), default="Pending")
    status_message: Mapped[str] = mapped_column(sa.Text, default="")
    run_count: Mapped[int] = mapped_column(default=0)
    extra_attrs: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    log: Mapped[str] = mapped_column(sa.Text, default="")
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    start_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)
    end_time: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Schedule(Base):
    """When a job is due; ``generation`` grows with each change, ``synced_generation`` follows when Temporal has it."""

    __tablename__ = "schedule"
    __table_args__ = table_args(sa.UniqueConstraint("vendor_type", "vendor_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    vendor_type: Mapped[str] = mapped_column(byte_text(64))
    vendor_id: Mapped[int] = mapped_column(BigId, default=0)
    cron: Mapped[str] = mapped_column(byte_text(128))
    """Harbor's six fields: second minute hour day month weekday."""
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
    """A worker that is or was alive; the heartbeat is the database's clock in ms."""

    __tablename__ = "worker_process"

    id: Mapped[str] = mapped_column(byte_text(36), primary_key=True)
    host: Mapped[str] = mapped_column(sa.String(255))
    pid: Mapped[int]
    version: Mapped[str] = mapped_column(sa.String(32))
    queues: Mapped[list[str]] = mapped_column(Document)
    temporal_reachable: Mapped[bool] = mapped_column(default=False)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[int] = mapped_column(BigId)
