"""Immutability rules, and the tags of an artifact in the order of time."""

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "immutable_rule",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("project_id", types.BigId, sa.ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
        sa.Column("priority", types.BigId, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("selectors", types.Document, nullable=False),
        sa.Column("fingerprint", types.byte_text(64), nullable=False),
        sa.Column("creation_time", types.UtcDateTime, nullable=False),
        sa.Column("update_time", types.UtcDateTime, nullable=False),
        sa.UniqueConstraint("project_id", "fingerprint"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_immutable_rule_project_id", "immutable_rule", ["project_id", "id"])
    op.create_index("ix_tag_artifact_time", "tag", ["artifact_id", "push_time", "id"])
    op.drop_index("ix_tag_artifact_id", table_name="tag")


def downgrade() -> None:
    """Undo."""
    op.create_index("ix_tag_artifact_id", "tag", ["artifact_id"])
    op.drop_index("ix_tag_artifact_time", table_name="tag")
    op.drop_table("immutable_rule")
