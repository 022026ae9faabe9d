"""Processes are given keys for small objects in batches, which the purge of uploads looks through afterwards."""

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "key_batch",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("prefix", types.byte_text(64), nullable=False),
        sa.Column("creation_time", types.UtcDateTime, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.UniqueConstraint("prefix"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_key_batch_creation_time", "key_batch", ["creation_time"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("key_batch")
