"""blobs whose stored copy is damaged."""

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("blob", sa.Column("quarantined_at", types.UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("blob", "quarantined_at")
