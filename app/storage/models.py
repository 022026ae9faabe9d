"""Bytes as rows: blobs under opaque keys, upload sessions, and the queue of what nothing refers to."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, UtcDateTime, byte_text, clock_ms

LIVE = "live"
DELETING = "deleting"
CANCELLED = ""
"""Instead of the digest of an upload session that was cancelled."""


class Blob(Base):
    """Content under a digest: one live row each; a row being deleted never comes back, a re-push makes another."""

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
    """Database clock in ms until which a pusher counts on this blob; garbage collection keeps off."""
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    quarantined_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when the object is known not to hold what the digest says; nobody gets it until a push heals it."""


IS_LIVE = Blob.state == sa.literal_column(f"'{LIVE}'")
"""Written out in the statement, because a database uses the partial index only when it sees the value."""
IS_QUARANTINED = Blob.quarantined_at.is_not(None)


def _open_index(name: str, column: str) -> sa.Index:
    """An index on the sessions that have not ended."""
    unfinished = sa.text("digest IS NULL")
    return sa.Index(name, column, sqlite_where=unfinished, postgresql_where=unfinished)


class Upload(Base):
    """An upload session; it holds its object's final key from the start."""

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
    """Whose open sessions it counts among: ``user:7``, ``robot:3``."""
    key: Mapped[str] = mapped_column(byte_text(64), unique=True)
    offset: Mapped[int] = mapped_column(BigId, default=0)
    admitted: Mapped[int] = mapped_column(BigId, default=0, server_default=sa.text("0"))
    """The offset up to which a request at work may write in a project with a limit; it counts before it is reached."""
    algorithm: Mapped[str] = mapped_column(byte_text(32), default="sha256")
    """The algorithm whose running state ``hash_state`` is."""
    hash_state: Mapped[bytes | None]
    """State of the running hash at ``offset`` as plain bytes; None when the content must be read again."""
    lease_holder: Mapped[str | None] = mapped_column(byte_text(36))
    lease_until: Mapped[int] = mapped_column(BigId, default=0)
    """Database clock in ms until which one request owns the session."""
    digest: Mapped[str | None] = mapped_column(byte_text(160))
    """Set at its end: the blob it became, ``CANCELLED`` without one. Finished ones stay answerable for ten minutes."""
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class KeyBatch(Base):
    """Keys for small objects, given to a process before it writes the first: the purge looks there for what is lost.

    An object under one of them is written and entered as a blob in one go, without a row of its own on the way.
    """

    __tablename__ = "key_batch"
    __table_args__ = table_args(
        sa.UniqueConstraint("prefix"),
        sa.Index("ix_key_batch_creation_time", "creation_time"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    prefix: Mapped[str] = mapped_column(byte_text(64))
    """Of all its keys, which are numbered behind it."""
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    closed: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """Whether the purge is at it: nothing enters under its keys from then on."""


class ZeroReference(Base):
    """The queue of garbage collection: a repository that no longer uses, or does not use yet, a blob it holds.

    Written by the transactions that end the last reference (or commit an unreferenced blob), removed by the one that
    makes a reference; ``repository_id`` outlives its repository, ids are never used twice.
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
    """The repository's; 0 on rows from before this was noted whose repository is gone."""
    blob_id: Mapped[int] = mapped_column(BigId)
    since: Mapped[int] = mapped_column(BigId, default=clock_ms())
    """Database clock in ms."""
