"""The tables of repositories and artifacts, and of the blobs that repositories hold and projects are charged for."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, Document, UtcDateTime, byte_text


class Standing(StrEnum):
    """Whether the repository's list shows an artifact by itself, or why it does not."""

    LISTED = "listed"
    CHILD = "child"
    """An index lists it, and it has no tag."""
    ACCESSORY = "accessory"


def _path(values: DefaultExecutionContext) -> str:
    """Return the part of a new repository's name behind the project's."""
    parameters: dict[str, Any] = values.get_current_parameters()  # type: ignore[no-untyped-call] # SQLAlchemy's
    return str(parameters["name"]).partition("/")[2]


_ORDERS = ("name", "creation_time", "pull_count")
"""What lists of repositories are sorted by along an index; not ``update_time``, which every push changes."""


class Repository(Base):
    """A repository; its row is added with its first blob, and lists show it from its first manifest (``published``)."""

    __tablename__ = "repository"
    __table_args__ = table_args(
        sa.UniqueConstraint("name"),
        sa.Index("ix_repository_project_id", "project_id", "name"),
        sa.Index("ix_repository_path", "path", "name"),
        *(sa.Index(f"ix_repository_{column}", column, "id", "project_id", "published") for column in _ORDERS),
        *(sa.Index(f"ix_repository_project_{column}", "project_id", column, "id", "published") for column in _ORDERS),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("project.id"))
    name: Mapped[str] = mapped_column(byte_text(255))
    """Full name, with the project."""
    path: Mapped[str] = mapped_column(byte_text(255), default=_path, server_default="")
    """The name within the project, from which searches begin as well."""
    description: Mapped[str] = mapped_column(sa.Text, default="")
    published: Mapped[bool] = mapped_column(default=False)
    artifact_count: Mapped[int] = mapped_column(BigId, default=0)
    """The number of artifacts whose standing is LISTED."""
    pull_count: Mapped[int] = mapped_column(BigId, default=0)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class Artifact(Base):
    """A manifest in a repository; its bytes are in ManifestBody, so that rows of lists stay small."""

    __tablename__ = "artifact"
    __table_args__ = table_args(
        sa.UniqueConstraint("repository_id", "digest"),
        sa.Index("ix_artifact_push_time", "repository_id", "push_time", "id", "standing"),
        sa.Index("ix_artifact_standing", "repository_id", "standing", "push_time", "id"),
        sa.Index("ix_artifact_project_id", "project_id", "id"),
        sa.Index("ix_artifact_digest", "digest", "id"),
        sa.Index("ix_artifact_project_push_time", "project_id", "push_time", "id", "standing"),
        sa.Index("ix_artifact_newest", "push_time", "id", "standing", "project_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigId)
    repository_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("repository.id"))
    digest: Mapped[str] = mapped_column(byte_text(160))
    kind: Mapped[str] = mapped_column(sa.String(64))
    """Harbor's artifact type: IMAGE, CHART, … or UNKNOWN."""
    manifest_media_type: Mapped[str] = mapped_column(sa.String(255))
    media_type: Mapped[str] = mapped_column(sa.String(255), default="")
    """The config's media type; that of the manifest for an index."""
    artifact_type: Mapped[str] = mapped_column(sa.String(255), default="")
    """Image-spec's artifactType: the field, else a manifest's config media type."""
    size: Mapped[int] = mapped_column(BigId)
    """Bytes of the manifest, its config and its layers, or of an index and its children, together."""
    manifest_size: Mapped[int] = mapped_column(BigId)
    annotations: Mapped[dict[str, str] | None] = mapped_column(Document)
    extra_attrs: Mapped[dict[str, Any] | None] = mapped_column(Document)
    """Facts from the config that lists show: architecture, os, created, author …"""
    push_time: Mapped[datetime] = mapped_column(UtcDateTime)
    pull_time: Mapped[datetime | None] = mapped_column(UtcDateTime)
    standing: Mapped[str] = mapped_column(
        byte_text(16), default=Standing.LISTED, server_default=sa.text(f"'{Standing.LISTED}'")
    )
    """Derived from the rows of its tags, parents and accessory; ``standing.settle`` updates it."""


class ManifestBody(Base):
    """The bytes of a manifest, exactly as they were pushed."""

    __tablename__ = "manifest_body"

    artifact_id: Mapped[int] = mapped_column(
        BigId,
        sa.ForeignKey("artifact.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    body: Mapped[bytes]


class Tag(Base):
    """A name for an artifact, unique in its repository."""

    __tablename__ = "tag"
    __table_args__ = table_args(
        sa.UniqueConstraint("repository_id", "name"),
        sa.Index("ix_tag_name", "name", "artifact_id"),
        sa.Index("ix_tag_artifact_time", "artifact_id", "push_time", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    repository_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("repository.id"))
    artifact_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("artifact.id"))
    name: Mapped[str] = mapped_column(byte_text(128))
    push_time: Mapped[datetime] = mapped_column(UtcDateTime)
    pull_time: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ArtifactLabel(Base):
    """A label on an artifact."""

    __tablename__ = "artifact_label"
    __table_args__ = (sa.Index("ix_artifact_label_label", "label_id", "artifact_id"),)

    artifact_id: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("artifact.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    label_id: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("label.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )


class RepositoryLabel(Base):
    """A label on a repository."""

    __tablename__ = "repository_label"
    __table_args__ = (sa.Index("ix_repository_label_label", "label_id", "repository_id"),)

    repository_id: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    label_id: Mapped[int] = mapped_column(
        BigId, sa.ForeignKey("label.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )


class TagRecord(Base):
    """A change of a tag: what it points at from then on, or pointed at when it was deleted; who did it, and how."""

    __tablename__ = "tag_history"
    __table_args__ = table_args(
        sa.Index("ix_tag_history_tag", "repository_id", "name", "id"),
        sa.Index("ix_tag_history_time", "time", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    repository_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("repository.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(byte_text(128))
    digest: Mapped[str] = mapped_column(byte_text(160))
    action: Mapped[str] = mapped_column(byte_text(16))
    """pushed, tagged, restored or deleted."""
    operator: Mapped[str] = mapped_column(sa.String(255))
    time: Mapped[datetime] = mapped_column(UtcDateTime)


class ArtifactBlob(Base):
    """A reference of an artifact to a blob (config, layer, or an index entry that is a blob)."""

    __tablename__ = "artifact_blob"
    __table_args__ = table_args(
        sa.UniqueConstraint("artifact_id", "blob_id"),
        sa.Index("ix_artifact_blob_blob", "blob_id", "repository_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    artifact_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("artifact.id", ondelete="CASCADE"))
    repository_id: Mapped[int] = mapped_column(BigId)
    project_id: Mapped[int] = mapped_column(BigId)
    blob_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("blob.id"))


class ArtifactChild(Base):
    """A manifest that an index of the same repository lists, with the fields of its first entry there."""

    __tablename__ = "artifact_child"
    __table_args__ = table_args(
        sa.UniqueConstraint("parent_id", "position"),
        sa.Index("uq_artifact_child_once", "parent_id", "child_id", unique=True),
        sa.Index("ix_artifact_child_child", "child_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    parent_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("artifact.id", ondelete="CASCADE"))
    child_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("artifact.id"))
    position: Mapped[int]
    platform: Mapped[dict[str, Any] | None] = mapped_column(Document)
    annotations: Mapped[dict[str, str] | None] = mapped_column(Document)


class Accessory(Base):
    """An artifact with a subject, which need not exist, and its descriptor for the referrers list.

    An artifact that only a tag makes an accessory (``by_tag``) may have several subjects, and no referrers list has it.
    """

    __tablename__ = "accessory"
    __table_args__ = table_args(
        sa.UniqueConstraint("artifact_id", "subject_digest"),
        sa.Index("ix_accessory_subject", "repository_id", "subject_digest", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    artifact_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("artifact.id", ondelete="CASCADE"))
    repository_id: Mapped[int] = mapped_column(BigId)
    subject_digest: Mapped[str] = mapped_column(byte_text(160))
    kind: Mapped[str] = mapped_column(sa.String(64))
    """Harbor's accessory type: signature.cosign, signature.notation, subject.accessory …"""
    artifact_type: Mapped[str] = mapped_column(sa.String(255), default="")
    descriptor: Mapped[bytes]
    """The JSON descriptor of distribution-spec's referrers list."""
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    by_tag: Mapped[bool] = mapped_column(default=False, server_default=sa.false())


class RepositoryBlob(Base):
    """A blob that a repository holds: it can be pulled from there, and manifests there can refer to it."""

    __tablename__ = "repository_blob"
    __table_args__ = table_args(
        sa.UniqueConstraint("repository_id", "blob_id"),
        sa.Index("ix_repository_blob_blob_id", "blob_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    repository_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("repository.id"))
    blob_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("blob.id"))


class ProjectBlob(Base):
    """A blob that a project is charged for, once for all of its repositories."""

    __tablename__ = "project_blob"
    __table_args__ = table_args(
        sa.UniqueConstraint("project_id", "blob_id"),
        sa.Index("ix_project_blob_blob_id", "blob_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("project.id", ondelete="CASCADE"))
    blob_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("blob.id"))
