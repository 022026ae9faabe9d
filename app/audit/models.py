"""The table of the audit log."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.types import BigId, UtcDateTime, byte_text


class AuditLog(Base):
    """One operation of a user on a resource; keyed by time, so that paging and purging follow the key."""

    __tablename__ = "audit_log"
    __table_args__ = (
        sa.Index("ix_audit_log_project_id", "project_id", "op_time", "id"),
        sa.Index("ix_audit_log_username", "username", "op_time", "id", "project_id"),
    )

    op_time: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    """From ``db.numbers``, which counts up from 1, as generated clients read the id as 32 bits."""
    project_id: Mapped[int] = mapped_column(BigId, default=0)
    """0 for events outside any project; kept when the project is deleted."""
    username: Mapped[str] = mapped_column(byte_text(255))
    operation: Mapped[str] = mapped_column(byte_text(32))
    """create, delete, pull, update, login …"""
    resource_type: Mapped[str] = mapped_column(byte_text(32))
    """artifact, tag, repository, project …"""
    resource: Mapped[str] = mapped_column(sa.String(512))
    success: Mapped[bool] = mapped_column(default=True)
