"""an index lists a child once."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute(
        sa.text(
            "DELETE FROM artifact_child WHERE id NOT IN "
            "(SELECT first.id FROM artifact_child AS first JOIN "
            "(SELECT parent_id, MIN(position) AS position FROM artifact_child GROUP BY parent_id, child_id) AS kept "
            "ON kept.parent_id = first.parent_id AND kept.position = first.position)"
        )
    )
    op.create_index("uq_artifact_child_once", "artifact_child", ["parent_id", "child_id"], unique=True)


def downgrade() -> None:
    """Revert."""
    op.drop_index("uq_artifact_child_once", table_name="artifact_child")
