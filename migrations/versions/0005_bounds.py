"""an index lists a child once, credentials that were right, identity tokens by principal."""

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0005"
down_revision = "0004"
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
    op.create_index("ix_login_failure_last_failure", "login_failure", ["last_failure"], unique=False)
    op.create_index("ix_refresh_token_principal", "refresh_token", ["principal_kind", "principal_id"], unique=False)
    op.create_table(
        "known_login",
        sa.Column("account", types.byte_text(255), nullable=False),
        sa.Column("proof", types.byte_text(64), nullable=False),
        sa.Column("seen_at", types.BigId, nullable=False),
        sa.PrimaryKeyConstraint("account", "proof", name=op.f("pk_known_login")),
    )
    op.create_index("ix_known_login_seen_at", "known_login", ["seen_at"], unique=False)


def downgrade() -> None:
    """Revert."""
    op.drop_index("ix_known_login_seen_at", table_name="known_login")
    op.drop_table("known_login")
    op.drop_index("ix_refresh_token_principal", table_name="refresh_token")
    op.drop_index("ix_login_failure_last_failure", table_name="login_failure")
    op.drop_index("uq_artifact_child_once", table_name="artifact_child")
