"""Robot accounts and what they were granted."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, UtcDateTime, byte_text


class Robot(Base):
    """A robot account, of the system or of one project. ``version`` grows whenever tokens made before must stop."""

    __tablename__ = "robot"
    __table_args__ = table_args(sa.UniqueConstraint("name"), sa.Index("ix_robot_project_id", "project_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(byte_text(512))
    """Without the installation's prefix: the bare name of a system robot, ``project+name`` of a project's."""
    project_id: Mapped[int | None] = mapped_column(BigId, sa.ForeignKey("project.id", ondelete="CASCADE"))
    """None for a system robot."""
    description: Mapped[str] = mapped_column(sa.String(1024), default="")
    secret_hash: Mapped[str] = mapped_column(byte_text(64))
    """A keyed hash, as secrets are long and random."""
    previous_secret_hash: Mapped[str | None] = mapped_column(byte_text(64))
    previous_secret_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until then the secret before the last rotation is good too."""
    duration: Mapped[int] = mapped_column(BigId)
    """Days, -1 for ever."""
    expires_at: Mapped[int] = mapped_column(BigId)
    """Seconds since 1970, -1 never."""
    disabled: Mapped[bool] = mapped_column(default=False)
    editable: Mapped[bool] = mapped_column(default=True)
    creator_type: Mapped[str] = mapped_column(byte_text(16))
    """``local``, a user, or ``robot``."""
    creator_ref: Mapped[int] = mapped_column(BigId)
    version: Mapped[int] = mapped_column(BigId, default=1)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class RobotPermission(Base):
    """One thing that a robot may do in one space."""

    __tablename__ = "robot_permission"
    __table_args__ = table_args(
        sa.UniqueConstraint("robot_id", "namespace", "resource", "action"),
        sa.Index("ix_robot_permission_project_id", "project_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    robot_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("robot.id", ondelete="CASCADE"))
    namespace: Mapped[str] = mapped_column(byte_text(255))
    """``/`` for the system, ``*`` for every project, else the name of one."""
    project_id: Mapped[int | None] = mapped_column(BigId, sa.ForeignKey("project.id", ondelete="CASCADE"))
    """The one project, whose deletion ends the permission; None for ``/`` and ``*``."""
    resource: Mapped[str] = mapped_column(byte_text(64))
    action: Mapped[str] = mapped_column(byte_text(32))
