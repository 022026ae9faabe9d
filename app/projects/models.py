"""The tables of projects, their metadata, members and CVE allowlists."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, Document, UtcDateTime, byte_text


class Project(Base):
    """A project, the first component of its repositories' names, with stored counters."""

    __tablename__ = "project"
    __table_args__ = table_args(
        sa.UniqueConstraint("name"),
        sa.Index("ix_project_owner_id", "owner_id"),
        sa.Index("ix_project_visible", "name", "public", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(byte_text(255))
    owner_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("user_account.id"))
    public: Mapped[bool] = mapped_column(default=False)
    """The metadata key ``public``; a column because every pull reads it."""
    repo_count: Mapped[int] = mapped_column(BigId, default=0)
    storage_used: Mapped[int] = mapped_column(BigId, default=0)
    """Bytes of the blobs and manifests that the project references."""
    storage_limit: Mapped[int] = mapped_column(BigId, default=-1, server_default=sa.text("-1"))
    """The maximum of ``storage_used`` in bytes, -1 for no limit."""
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class ProjectMetadata(Base):
    """A key of a project's metadata with its value as text."""

    __tablename__ = "project_metadata"
    __table_args__ = table_args(sa.UniqueConstraint("project_id", "name"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(byte_text(255))
    value: Mapped[str] = mapped_column(sa.String(4096))


class ProjectMember(Base):
    """A user (``u``) or group (``g``) with a role in a project."""

    __tablename__ = "project_member"
    __table_args__ = table_args(
        sa.UniqueConstraint("project_id", "entity_type", "entity_id"),
        sa.Index("ix_project_member_entity", "entity_type", "entity_id", "project_id"),
        sa.Index("ix_project_member_name", "project_id", "entity_name", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("project.id", ondelete="CASCADE"))
    entity_type: Mapped[str] = mapped_column(byte_text(1))
    entity_id: Mapped[int] = mapped_column(BigId)
    entity_name: Mapped[str] = mapped_column(byte_text(255), server_default="")
    """The name of the user or group, copied so that a page of members can be read in the order of names."""
    role: Mapped[int]
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class CVEAllowlist(Base):
    """A CVE allowlist: a project's, or the system's, which has no project."""

    __tablename__ = "cve_allowlist"
    __table_args__ = table_args(sa.UniqueConstraint("project_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int | None] = mapped_column(BigId, sa.ForeignKey("project.id", ondelete="CASCADE"))
    items: Mapped[list[str]] = mapped_column(Document)
    """CVE ids such as ``CVE-2024-1234``."""
    expires_at: Mapped[int | None] = mapped_column(BigId)
    """Seconds since 1970, None for never."""
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)
