"""The tables of stored content: blobs under opaque keys, upload sessions, and the queue of unreferenced blobs."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, UtcDateTime, byte_text, clock_ms

LIVE = "live"
DELETING = "deleting"
CANCELLED = ""
"""The digest column's value for an upload session that was cancelled."""


class Blob(Base):
    """Content under a digest, with one live row per digest; a new push never revives a row that is being deleted."""

    __tablename__ = "blob"
    __table_args__ = table_args(
        sa.Index(
            "uq_blob_live_digest",
            "digest",
            unique=True,
            sqlite_where=sa.text("state = 'live'"),
            postgresql_where=sa.text("state = 'live'"),
        ),
        sa.Index(
            "ix_blob_state",
            "state",
            "id",
            sqlite_where=sa.text("state <> 'live'"),
            postgresql_where=sa.text("state <> 'live'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    digest: Mapped[str] = mapped_column(byte_text(160))
    key: Mapped[str] = mapped_column(byte_text(64), unique=True)
    size: Mapped[int] = mapped_column(BigId)
    state: Mapped[str] = mapped_column(byte_text(16), default=LIVE)
    claimed_until: Mapped[int] = mapped_column(BigId, default=0)
    """Database clock in ms until which a push may rely on this blob; garbage collection leaves it alone."""
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    quarantined_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the object was found not to match the digest; the blob is not served until a push replaces its object."""


IS_LIVE = Blob.state == sa.literal_column(f"'{LIVE}'")
"""A literal instead of a parameter, because databases use the partial index only when they see the value."""
IS_QUARANTINED = Blob.quarantined_at.is_not(None)


def _open_index(name: str, column: str) -> sa.Index:
    """Return an index on the column of sessions that have not ended."""
    unfinished = sa.text("digest IS NULL")
    return sa.Index(name, column, sqlite_where=unfinished, postgresql_where=unfinished)


class Upload(Base):
    """An upload session; its key is the final one of its object from the start."""

    __tablename__ = "upload"
    __table_args__ = table_args(
        sa.Index("ix_upload_update_time", "update_time"),
        _open_index("ix_upload_open_account", "account"),
        _open_index("ix_upload_open_project", "project_id"),
    )

    id: Mapped[str] = mapped_column(byte_text(36), primary_key=True)
    repository: Mapped[str] = mapped_column(byte_text(255))
    project_id: Mapped[int] = mapped_column(BigId)
    account: Mapped[str] = mapped_column(byte_text(64), default="", server_default="")
    """The account whose open sessions include this one: ``user:7``, ``robot:3``."""
    key: Mapped[str] = mapped_column(byte_text(64), unique=True)
    offset: Mapped[int] = mapped_column(BigId, default=0)
    admitted: Mapped[int] = mapped_column(BigId, default=0, server_default=sa.text("0"))
    """The offset up to which the current request may write; counts against the project's limit before it is reached."""
    algorithm: Mapped[str] = mapped_column(byte_text(32), default="sha256")
    """The digest algorithm of ``hash_state``."""
    hash_state: Mapped[bytes | None]
    """The saved state of the running hash at ``offset``; None when the content must be read again."""
    lease_holder: Mapped[str | None] = mapped_column(byte_text(36))
    lease_until: Mapped[int] = mapped_column(BigId, default=0)
    """Database clock in ms until which one request owns the session."""
    digest: Mapped[str | None] = mapped_column(byte_text(160))
    """The digest of the blob when finished, ``CANCELLED`` when cancelled, None while open.

    A finished session still answers repeated requests for ten minutes.
    """
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class KeyBatch(Base):
    """A batch of keys for small objects, recorded before a process writes under the first of them.

    A small object has no row before it becomes a blob; the purge finds objects left by a crash through this row.
    """

    __tablename__ = "key_batch"
    __table_args__ = table_args(
        sa.UniqueConstraint("prefix"),
        sa.Index("ix_key_batch_creation_time", "creation_time"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    prefix: Mapped[str] = mapped_column(byte_text(64))
    """The first part of all keys of the batch; a number follows it."""
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    closed: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """True once the purge looks through the batch: from then on no object under its keys becomes a blob."""


class ZeroReference(Base):
    """A row of the garbage collection's queue: a repository holds a blob that none of its artifacts refers to.

    The transaction that ends the last reference, or commits an unreferenced blob, adds the row; the one that adds a
    reference deletes it. ``repository_id`` may name a deleted repository: ids are never reused.
    """

    __tablename__ = "zero_reference"
    __table_args__ = table_args(
        sa.Index("ix_zero_reference_since", "since", "id"),
        sa.Index("ix_zero_reference_blob", "blob_id"),
        sa.Index("ix_zero_reference_project", "project_id", "blob_id"),
        sa.UniqueConstraint("repository_id", "blob_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    repository_id: Mapped[int] = mapped_column(BigId)
    project_id: Mapped[int] = mapped_column(BigId, default=0, server_default=sa.text("0"))
    """The repository's project; 0 on rows that are older than this column and whose repository is deleted."""
    blob_id: Mapped[int] = mapped_column(BigId)
    since: Mapped[int] = mapped_column(BigId, default=clock_ms())
    """Database clock in ms at which the row entered the queue."""
