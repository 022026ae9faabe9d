"""The history of tags: what each pointed at, since when and by whom; it begins with what they point at now."""

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BEGIN = sa.text(
    "INSERT INTO tag_history (repository_id, name, digest, action, operator, time) "
    "SELECT tag.repository_id, tag.name, artifact.digest, 'pushed', '', tag.push_time "
    "FROM tag JOIN artifact ON artifact.id = tag.artifact_id ORDER BY tag.id"
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "tag_history",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("repository_id", types.BigId, sa.ForeignKey("repository.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", types.byte_text(128), nullable=False),
        sa.Column("digest", types.byte_text(160), nullable=False),
        sa.Column("action", types.byte_text(16), nullable=False),
        sa.Column("operator", sa.String(255), nullable=False),
        sa.Column("time", types.UtcDateTime(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tag_history_tag", "tag_history", ["repository_id", "name", "id"])
    op.create_index("ix_tag_history_time", "tag_history", ["time", "id"])
    op.execute(_BEGIN)


def downgrade() -> None:
    """Undo."""
    op.drop_table("tag_history")
