"""The tables of robot accounts and their grants."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, UtcDateTime, byte_text


class Robot(Base):
    """A robot account of the system or of a project. ``version`` grows when earlier tokens must end."""

    __tablename__ = "robot"
    __table_args__ = table_args(sa.UniqueConstraint("name"), sa.Index("ix_robot_project_id", "project_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(byte_text(512))
    """The name without the installation's prefix: ``name`` of a system robot, ``project+name`` of a project robot."""
    project_id: Mapped[int | None] = mapped_column(BigId, sa.ForeignKey("project.id", ondelete="CASCADE"))
    """None for a system robot."""
    description: Mapped[str] = mapped_column(sa.String(1024), default="")
    secret_hash: Mapped[str] = mapped_column(byte_text(64))
    """A keyed hash, which is enough as secrets are long and random."""
    previous_secret_hash: Mapped[str | None] = mapped_column(byte_text(64))
    previous_secret_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until when the previous secret is valid too."""
    duration: Mapped[int] = mapped_column(BigId)
    """Days, -1 for no end."""
    expires_at: Mapped[int] = mapped_column(BigId)
    """Seconds since 1970, -1 for never."""
    disabled: Mapped[bool] = mapped_column(default=False)
    editable: Mapped[bool] = mapped_column(default=True)
    creator_type: Mapped[str] = mapped_column(byte_text(16))
    """``local`` for a user, or ``robot``."""
    creator_ref: Mapped[int] = mapped_column(BigId)
    version: Mapped[int] = mapped_column(BigId, default=1)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class RobotPermission(Base):
    """A grant of a robot: one action on one resource in one namespace."""

    __tablename__ = "robot_permission"
    __table_args__ = table_args(
        sa.UniqueConstraint("robot_id", "namespace", "resource", "action"),
        sa.Index("ix_robot_permission_project_id", "project_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    robot_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("robot.id", ondelete="CASCADE"))
    namespace: Mapped[str] = mapped_column(byte_text(255))
    """``/`` for the system, ``*`` for every project, else a project's name."""
    project_id: Mapped[int | None] = mapped_column(BigId, sa.ForeignKey("project.id", ondelete="CASCADE"))
    """The project, whose deletion ends the grant; None for ``/`` and ``*``."""
    resource: Mapped[str] = mapped_column(byte_text(64))
    action: Mapped[str] = mapped_column(byte_text(32))
