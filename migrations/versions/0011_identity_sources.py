"""An account says which identity source the person belongs to, and by which id that source knows the person."""

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("user_account", sa.Column("source", types.byte_text(32), nullable=False, server_default="database"))
    op.add_column("user_account", sa.Column("subject", types.byte_text(512), nullable=True))
    op.create_index("uq_user_account_subject", "user_account", ["source", "subject"], unique=True)


def downgrade() -> None:
    """Undo."""
    op.drop_index("uq_user_account_subject", "user_account")
    op.drop_column("user_account", "subject")
    op.drop_column("user_account", "source")
