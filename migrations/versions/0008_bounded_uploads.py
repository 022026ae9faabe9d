"""Upload sessions count among those of an account and a project, and the queue of garbage knows its projects."""

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_UNFINISHED = sa.text("digest IS NULL")
_FILL = """
UPDATE zero_reference SET project_id = (SELECT project_id FROM repository WHERE repository.id = zero_reference.repository_id)
WHERE repository_id IN (SELECT id FROM repository)
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("upload", sa.Column("account", types.byte_text(64), nullable=False, server_default=""))
    op.add_column("upload", sa.Column("admitted", types.BigId, nullable=False, server_default=sa.text("0")))
    for name, column in (("ix_upload_open_account", "account"), ("ix_upload_open_project", "project_id")):
        op.create_index(name, "upload", [column], sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED)
    op.add_column("zero_reference", sa.Column("project_id", types.BigId, nullable=False, server_default=sa.text("0")))
    op.execute(_FILL)
    op.create_index("ix_zero_reference_project", "zero_reference", ["project_id", "blob_id"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_zero_reference_project", table_name="zero_reference")
    op.drop_column("zero_reference", "project_id")
    for name in ("ix_upload_open_project", "ix_upload_open_account"):
        op.drop_index(name, table_name="upload")
    op.drop_column("upload", "admitted")
    op.drop_column("upload", "account")
