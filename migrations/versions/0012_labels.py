"""Labels, and which artifacts and repositories have them."""

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "label",
        sa.Column("id", types.BigId, primary_key=True),
        sa.Column("project_id", types.BigId, sa.ForeignKey("project.id", ondelete="CASCADE")),
        sa.Column("name", types.byte_text(128), nullable=False),
        sa.Column("description", sa.String(1024), nullable=False),
        sa.Column("color", types.byte_text(16), nullable=False),
        sa.Column("creation_time", types.UtcDateTime, nullable=False),
        sa.Column("update_time", types.UtcDateTime, nullable=False),
        sa.UniqueConstraint("project_id", "name"),
        sqlite_autoincrement=True,
    )
    without_project = sa.text("project_id IS NULL")
    op.create_index(
        "uq_label_global",
        "label",
        ["name"],
        unique=True,
        sqlite_where=without_project,
        postgresql_where=without_project,
    )
    for owner in ("artifact", "repository"):
        op.create_table(
            f"{owner}_label",
            sa.Column(
                f"{owner}_id",
                types.BigId,
                sa.ForeignKey(f"{owner}.id", ondelete="CASCADE"),
                primary_key=True,
                autoincrement=False,
            ),
            sa.Column(
                "label_id",
                types.BigId,
                sa.ForeignKey("label.id", ondelete="CASCADE"),
                primary_key=True,
                autoincrement=False,
            ),
        )
        op.create_index(f"ix_{owner}_label_label", f"{owner}_label", ["label_id", f"{owner}_id"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("repository_label")
    op.drop_table("artifact_label")
    op.drop_table("label")
