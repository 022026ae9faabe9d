"""The audit log."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.types import BigId, UtcDateTime, byte_text


class AuditLog(Base):
    """Who did what to which resource, and when; keyed by time, so that it pages and is purged in order."""

    __tablename__ = "audit_log"
    __table_args__ = (sa.Index("ix_audit_log_project_id", "project_id", "op_time", "id"),)

    op_time: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    """From ``db.numbers``, so that it fits the 32 bits that clients have for it as long as that can be."""
    project_id: Mapped[int] = mapped_column(BigId, default=0)
    """0 for facts outside any project; outlives the project."""
    username: Mapped[str] = mapped_column(byte_text(255))
    operation: Mapped[str] = mapped_column(byte_text(32))
    """create, delete, pull, update, login …"""
    resource_type: Mapped[str] = mapped_column(byte_text(32))
    """artifact, tag, repository, project …"""
    resource: Mapped[str] = mapped_column(sa.String(512))
    success: Mapped[bool] = mapped_column(default=True)
