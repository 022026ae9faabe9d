"""The table of immutability rules."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, Document, UtcDateTime, byte_text


class ImmutableRule(Base):
    """A rule that protects tags of a project."""

    __tablename__ = "immutable_rule"
    __table_args__ = table_args(
        sa.UniqueConstraint("project_id", "fingerprint"),
        sa.Index("ix_immutable_rule_project_id", "project_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("project.id", ondelete="CASCADE"))
    priority: Mapped[int] = mapped_column(BigId, default=0)
    disabled: Mapped[bool] = mapped_column(default=False)
    selectors: Mapped[dict[str, Any]] = mapped_column(Document)
    """The selectors of repositories and of tags, as the API shows them."""
    fingerprint: Mapped[str] = mapped_column(byte_text(64))
    """A hash of the selectors, by which two rules are the same."""
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)
