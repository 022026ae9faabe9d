"""Lists of repositories and artifacts are read along indexes, in each of their orders."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_PUSHED = ["repository_id", "push_time", "id"]
_ORDERS = ("name", "creation_time", "pull_count")
_REPOSITORIES = {
    **{f"ix_repository_{column}": [column, "id", "project_id", "published"] for column in _ORDERS},
    **{f"ix_repository_project_{column}": ["project_id", column, "id", "published"] for column in _ORDERS},
}
_ARTIFACTS = {
    "ix_artifact_project_push_time": ["project_id", "push_time", "id", "standing"],
    "ix_artifact_newest": ["push_time", "id", "standing", "project_id"],
}


def upgrade() -> None:
    """Apply."""
    op.drop_index("ix_artifact_push_time", "artifact")
    op.create_index("ix_artifact_push_time", "artifact", [*_PUSHED, "standing"])
    for name, columns in _REPOSITORIES.items():
        op.create_index(name, "repository", columns)
    for name, columns in _ARTIFACTS.items():
        op.create_index(name, "artifact", columns)


def downgrade() -> None:
    """Undo."""
    for name in _ARTIFACTS:
        op.drop_index(name, "artifact")
    for name in _REPOSITORIES:
        op.drop_index(name, "repository")
    op.drop_index("ix_artifact_push_time", "artifact")
    op.create_index("ix_artifact_push_time", "artifact", _PUSHED)
