"""The table of labels."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, UtcDateTime, byte_text


class Label(Base):
    """A label of a project, or a global one, which has no project; its name is unique there."""

    __tablename__ = "label"
    __table_args__ = table_args(
        sa.UniqueConstraint("project_id", "name"),
        sa.Index(
            "uq_label_global",
            "name",
            unique=True,
            sqlite_where=sa.text("project_id IS NULL"),
            postgresql_where=sa.text("project_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int | None] = mapped_column(BigId, sa.ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(byte_text(128))
    description: Mapped[str] = mapped_column(sa.String(1024), default="")
    color: Mapped[str] = mapped_column(byte_text(16), default="")
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)
