"""first tables."""

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit_log",
        sa.Column("op_time", types.UtcDateTime(), nullable=False),
        sa.Column("id", types.BigId, autoincrement=False, nullable=False),
        sa.Column("project_id", types.BigId, nullable=False),
        sa.Column("username", types.byte_text(255), nullable=False),
        sa.Column("operation", types.byte_text(32), nullable=False),
        sa.Column("resource_type", types.byte_text(32), nullable=False),
        sa.Column("resource", sa.String(length=512), nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("op_time", "id", name=op.f("pk_audit_log")),
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.create_index("ix_audit_log_project_id", ["project_id", "op_time", "id"], unique=False)

    op.create_table(
        "blob",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("digest", types.byte_text(160), nullable=False),
        sa.Column("key", types.byte_text(64), nullable=False),
        sa.Column("size", types.BigId, nullable=False),
        sa.Column("state", types.byte_text(16), nullable=False),
        sa.Column("claimed_until", types.BigId, nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blob")),
        sa.UniqueConstraint("key", name=op.f("uq_blob_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("blob", schema=None) as batch_op:
        batch_op.create_index(
            "ix_blob_state",
            ["state", "id"],
            unique=False,
            sqlite_where=sa.text("state <> 'live'"),
            postgresql_where=sa.text("state <> 'live'"),
        )
        batch_op.create_index(
            "uq_blob_live_digest",
            ["digest"],
            unique=True,
            sqlite_where=sa.text("state = 'live'"),
            postgresql_where=sa.text("state = 'live'"),
        )

    op.create_table(
        "configuration_value",
        sa.Column("name", types.byte_text(128), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_configuration_value")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "execution",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("vendor_type", types.byte_text(64), nullable=False),
        sa.Column("vendor_id", types.BigId, nullable=False),
        sa.Column("trigger", types.byte_text(16), nullable=False),
        sa.Column("status", types.byte_text(16), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column("workflow_type", types.byte_text(64), nullable=False),
        sa.Column("workflow_id", types.byte_text(255), nullable=False),
        sa.Column("queue", types.byte_text(64), nullable=False),
        sa.Column("input", types.Document, nullable=False),
        sa.Column("extra_attrs", types.Document, nullable=False),
        sa.Column("operator", sa.String(length=255), nullable=False),
        sa.Column("dispatched_at", types.UtcDateTime(), nullable=True),
        sa.Column("stop_requested_at", types.UtcDateTime(), nullable=True),
        sa.Column("stop_sent_at", types.UtcDateTime(), nullable=True),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("start_time", types.UtcDateTime(), nullable=True),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.Column("end_time", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_execution")),
        sa.UniqueConstraint("workflow_id", name=op.f("uq_execution_workflow_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("execution", schema=None) as batch_op:
        batch_op.create_index(
            "ix_execution_open",
            ["update_time"],
            unique=False,
            sqlite_where=sa.text("end_time IS NULL"),
            postgresql_where=sa.text("end_time IS NULL"),
        )
        batch_op.create_index(
            "ix_execution_undispatched",
            ["id"],
            unique=False,
            sqlite_where=sa.text("dispatched_at IS NULL AND end_time IS NULL"),
            postgresql_where=sa.text("dispatched_at IS NULL AND end_time IS NULL"),
        )
        batch_op.create_index(
            "ix_execution_unstopped",
            ["id"],
            unique=False,
            sqlite_where=sa.text("stop_requested_at IS NOT NULL AND end_time IS NULL"),
            postgresql_where=sa.text("stop_requested_at IS NOT NULL AND end_time IS NULL"),
        )
        batch_op.create_index("ix_execution_vendor", ["vendor_type", "vendor_id", "id"], unique=False)

    op.create_table(
        "login_failure",
        sa.Column("account", types.byte_text(255), nullable=False),
        sa.Column("address", types.byte_text(64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("blocked_until", types.BigId, nullable=False),
        sa.Column("last_failure", types.BigId, nullable=False),
        sa.PrimaryKeyConstraint("account", "address", name=op.f("pk_login_failure")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "refresh_token",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("token_hash", types.byte_text(64), nullable=False),
        sa.Column("principal_kind", types.byte_text(16), nullable=False),
        sa.Column("principal_id", types.BigId, nullable=False),
        sa.Column("service", types.byte_text(255), nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_refresh_token_token_hash")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("refresh_token", schema=None) as batch_op:
        batch_op.create_index("ix_refresh_token_expires_at", ["expires_at"], unique=False)

    op.create_table(
        "schedule",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("vendor_type", types.byte_text(64), nullable=False),
        sa.Column("vendor_id", types.BigId, nullable=False),
        sa.Column("cron", types.byte_text(128), nullable=False),
        sa.Column("cron_type", types.byte_text(16), nullable=False),
        sa.Column("workflow_type", types.byte_text(64), nullable=False),
        sa.Column("queue", types.byte_text(64), nullable=False),
        sa.Column("input", types.Document, nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("generation", types.BigId, nullable=False),
        sa.Column("synced_generation", types.BigId, nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
        sa.UniqueConstraint("vendor_type", "vendor_id", name=op.f("uq_schedule_vendor_type_vendor_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "upload",
        sa.Column("id", types.byte_text(36), nullable=False),
        sa.Column("repository", types.byte_text(255), nullable=False),
        sa.Column("project_id", types.BigId, nullable=False),
        sa.Column("key", types.byte_text(64), nullable=False),
        sa.Column("offset", types.BigId, nullable=False),
        sa.Column("algorithm", types.byte_text(32), nullable=False),
        sa.Column("hash_state", sa.LargeBinary(), nullable=True),
        sa.Column("lease_holder", types.byte_text(36), nullable=True),
        sa.Column("lease_until", types.BigId, nullable=False),
        sa.Column("digest", types.byte_text(160), nullable=True),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        sa.UniqueConstraint("key", name=op.f("uq_upload_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("upload", schema=None) as batch_op:
        batch_op.create_index("ix_upload_update_time", ["update_time"], unique=False)

    op.create_table(
        "user_account",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("username", types.byte_text(255), nullable=False),
        sa.Column("email", types.byte_text(255), nullable=True),
        sa.Column("realname", sa.String(length=255), nullable=False),
        sa.Column("comment", sa.String(length=255), nullable=False),
        sa.Column("password_hash", types.byte_text(255), nullable=True),
        sa.Column("sysadmin", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("version", types.BigId, nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
        sa.UniqueConstraint("username", name=op.f("uq_user_account_username")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "worker_process",
        sa.Column("id", types.byte_text(36), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("queues", types.Document, nullable=False),
        sa.Column("temporal_reachable", sa.Boolean(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=False),
        sa.Column("heartbeat_at", types.BigId, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_process")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "write_gate",
        sa.Column("name", types.byte_text(32), nullable=False),
        sa.Column("admin_read_only", sa.Boolean(), nullable=False),
        sa.Column("holder", types.byte_text(255), nullable=True),
        sa.Column("fence", types.BigId, nullable=False),
        sa.Column("acquired_at", types.BigId, nullable=True),
        sa.Column("expires_at", types.BigId, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_write_gate")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "zero_reference",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("repository_id", types.BigId, nullable=False),
        sa.Column("blob_id", types.BigId, nullable=False),
        sa.Column("since", types.BigId, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zero_reference")),
        sa.UniqueConstraint("repository_id", "blob_id", name=op.f("uq_zero_reference_repository_id_blob_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("zero_reference", schema=None) as batch_op:
        batch_op.create_index("ix_zero_reference_blob", ["blob_id"], unique=False)
        batch_op.create_index("ix_zero_reference_since", ["since", "id"], unique=False)

    op.create_table(
        "project",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("name", types.byte_text(255), nullable=False),
        sa.Column("owner_id", types.BigId, nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("repo_count", types.BigId, nullable=False),
        sa.Column("storage_used", types.BigId, nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user_account.id"], name=op.f("fk_project_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("name", name=op.f("uq_project_name")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("project", schema=None) as batch_op:
        batch_op.create_index("ix_project_owner_id", ["owner_id"], unique=False)

    op.create_table(
        "task",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("execution_id", types.BigId, nullable=False),
        sa.Column("natural_key", types.byte_text(255), nullable=False),
        sa.Column("status", types.byte_text(16), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column("run_count", sa.Integer(), nullable=False),
        sa.Column("extra_attrs", types.Document, nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("start_time", types.UtcDateTime(), nullable=True),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.Column("end_time", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["execution.id"], name=op.f("fk_task_execution_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("execution_id", "natural_key", name=op.f("uq_task_execution_id_natural_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "project_blob",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("project_id", types.BigId, nullable=False),
        sa.Column("blob_id", types.BigId, nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_project_blob_blob_id")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_project_blob_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_blob")),
        sa.UniqueConstraint("project_id", "blob_id", name=op.f("uq_project_blob_project_id_blob_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("project_blob", schema=None) as batch_op:
        batch_op.create_index("ix_project_blob_blob_id", ["blob_id"], unique=False)

    op.create_table(
        "project_member",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("project_id", types.BigId, nullable=False),
        sa.Column("entity_type", types.byte_text(1), nullable=False),
        sa.Column("entity_id", types.BigId, nullable=False),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_project_member_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_member")),
        sa.UniqueConstraint(
            "project_id", "entity_type", "entity_id", name=op.f("uq_project_member_project_id_entity_type_entity_id")
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("project_member", schema=None) as batch_op:
        batch_op.create_index("ix_project_member_entity", ["entity_type", "entity_id", "project_id"], unique=False)

    op.create_table(
        "project_metadata",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("project_id", types.BigId, nullable=False),
        sa.Column("name", types.byte_text(255), nullable=False),
        sa.Column("value", sa.String(length=4096), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_project_metadata_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_metadata")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_project_metadata_project_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "repository",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("project_id", types.BigId, nullable=False),
        sa.Column("name", types.byte_text(255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("artifact_count", types.BigId, nullable=False),
        sa.Column("pull_count", types.BigId, nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_repository_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repository")),
        sa.UniqueConstraint("name", name=op.f("uq_repository_name")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("repository", schema=None) as batch_op:
        batch_op.create_index("ix_repository_project_id", ["project_id", "name"], unique=False)

    op.create_table(
        "artifact",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("project_id", types.BigId, nullable=False),
        sa.Column("repository_id", types.BigId, nullable=False),
        sa.Column("digest", types.byte_text(160), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("manifest_media_type", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=255), nullable=False),
        sa.Column("artifact_type", sa.String(length=255), nullable=False),
        sa.Column("size", types.BigId, nullable=False),
        sa.Column("manifest_size", types.BigId, nullable=False),
        sa.Column("annotations", types.Document, nullable=True),
        sa.Column("extra_attrs", types.Document, nullable=True),
        sa.Column("push_time", types.UtcDateTime(), nullable=False),
        sa.Column("pull_time", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], name=op.f("fk_artifact_repository_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
        sa.UniqueConstraint("repository_id", "digest", name=op.f("uq_artifact_repository_id_digest")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("artifact", schema=None) as batch_op:
        batch_op.create_index("ix_artifact_project_id", ["project_id", "id"], unique=False)
        batch_op.create_index("ix_artifact_push_time", ["repository_id", "push_time", "id"], unique=False)

    op.create_table(
        "repository_blob",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("repository_id", types.BigId, nullable=False),
        sa.Column("blob_id", types.BigId, nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_repository_blob_blob_id")),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], name=op.f("fk_repository_blob_repository_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repository_blob")),
        sa.UniqueConstraint("repository_id", "blob_id", name=op.f("uq_repository_blob_repository_id_blob_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("repository_blob", schema=None) as batch_op:
        batch_op.create_index("ix_repository_blob_blob_id", ["blob_id"], unique=False)

    op.create_table(
        "accessory",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("artifact_id", types.BigId, nullable=False),
        sa.Column("repository_id", types.BigId, nullable=False),
        sa.Column("subject_digest", types.byte_text(160), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("artifact_type", sa.String(length=255), nullable=False),
        sa.Column("descriptor", sa.LargeBinary(), nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_accessory_artifact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accessory")),
        sa.UniqueConstraint("artifact_id", name=op.f("uq_accessory_artifact_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("accessory", schema=None) as batch_op:
        batch_op.create_index("ix_accessory_subject", ["repository_id", "subject_digest", "id"], unique=False)

    op.create_table(
        "artifact_blob",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("artifact_id", types.BigId, nullable=False),
        sa.Column("repository_id", types.BigId, nullable=False),
        sa.Column("project_id", types.BigId, nullable=False),
        sa.Column("blob_id", types.BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_artifact_blob_artifact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_artifact_blob_blob_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_blob")),
        sa.UniqueConstraint("artifact_id", "blob_id", name=op.f("uq_artifact_blob_artifact_id_blob_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("artifact_blob", schema=None) as batch_op:
        batch_op.create_index("ix_artifact_blob_blob", ["blob_id", "repository_id"], unique=False)

    op.create_table(
        "artifact_child",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("parent_id", types.BigId, nullable=False),
        sa.Column("child_id", types.BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("platform", types.Document, nullable=True),
        sa.Column("annotations", types.Document, nullable=True),
        sa.ForeignKeyConstraint(["child_id"], ["artifact.id"], name=op.f("fk_artifact_child_child_id")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["artifact.id"], name=op.f("fk_artifact_child_parent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_child")),
        sa.UniqueConstraint("parent_id", "position", name=op.f("uq_artifact_child_parent_id_position")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("artifact_child", schema=None) as batch_op:
        batch_op.create_index("ix_artifact_child_child", ["child_id"], unique=False)

    op.create_table(
        "manifest_body",
        sa.Column("artifact_id", types.BigId, autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_manifest_body_artifact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("artifact_id", name=op.f("pk_manifest_body")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "tag",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("repository_id", types.BigId, nullable=False),
        sa.Column("artifact_id", types.BigId, nullable=False),
        sa.Column("name", types.byte_text(128), nullable=False),
        sa.Column("push_time", types.UtcDateTime(), nullable=False),
        sa.Column("pull_time", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifact.id"], name=op.f("fk_tag_artifact_id")),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], name=op.f("fk_tag_repository_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
        sa.UniqueConstraint("repository_id", "name", name=op.f("uq_tag_repository_id_name")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.create_index("ix_tag_artifact_id", ["artifact_id"], unique=False)

    op.execute("INSERT INTO write_gate (name, admin_read_only, fence) VALUES ('registry', false, 0)")


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.drop_index("ix_tag_artifact_id")

    op.drop_table("tag")
    op.drop_table("manifest_body")
    with op.batch_alter_table("artifact_child", schema=None) as batch_op:
        batch_op.drop_index("ix_artifact_child_child")

    op.drop_table("artifact_child")
    with op.batch_alter_table("artifact_blob", schema=None) as batch_op:
        batch_op.drop_index("ix_artifact_blob_blob")

    op.drop_table("artifact_blob")
    with op.batch_alter_table("accessory", schema=None) as batch_op:
        batch_op.drop_index("ix_accessory_subject")

    op.drop_table("accessory")
    with op.batch_alter_table("repository_blob", schema=None) as batch_op:
        batch_op.drop_index("ix_repository_blob_blob_id")

    op.drop_table("repository_blob")
    with op.batch_alter_table("artifact", schema=None) as batch_op:
        batch_op.drop_index("ix_artifact_push_time")
        batch_op.drop_index("ix_artifact_project_id")

    op.drop_table("artifact")
    with op.batch_alter_table("repository", schema=None) as batch_op:
        batch_op.drop_index("ix_repository_project_id")

    op.drop_table("repository")
    op.drop_table("project_metadata")
    with op.batch_alter_table("project_member", schema=None) as batch_op:
        batch_op.drop_index("ix_project_member_entity")

    op.drop_table("project_member")
    with op.batch_alter_table("project_blob", schema=None) as batch_op:
        batch_op.drop_index("ix_project_blob_blob_id")

    op.drop_table("project_blob")
    op.drop_table("task")
    with op.batch_alter_table("project", schema=None) as batch_op:
        batch_op.drop_index("ix_project_owner_id")

    op.drop_table("project")
    with op.batch_alter_table("zero_reference", schema=None) as batch_op:
        batch_op.drop_index("ix_zero_reference_since")
        batch_op.drop_index("ix_zero_reference_blob")

    op.drop_table("zero_reference")
    op.drop_table("write_gate")
    op.drop_table("worker_process")
    op.drop_table("user_account")
    with op.batch_alter_table("upload", schema=None) as batch_op:
        batch_op.drop_index("ix_upload_update_time")

    op.drop_table("upload")
    op.drop_table("schedule")
    with op.batch_alter_table("refresh_token", schema=None) as batch_op:
        batch_op.drop_index("ix_refresh_token_expires_at")

    op.drop_table("refresh_token")
    op.drop_table("login_failure")
    with op.batch_alter_table("execution", schema=None) as batch_op:
        batch_op.drop_index("ix_execution_vendor")
        batch_op.drop_index(
            "ix_execution_unstopped",
            sqlite_where=sa.text("stop_requested_at IS NOT NULL AND end_time IS NULL"),
            postgresql_where=sa.text("stop_requested_at IS NOT NULL AND end_time IS NULL"),
        )
        batch_op.drop_index(
            "ix_execution_undispatched",
            sqlite_where=sa.text("dispatched_at IS NULL AND end_time IS NULL"),
            postgresql_where=sa.text("dispatched_at IS NULL AND end_time IS NULL"),
        )
        batch_op.drop_index(
            "ix_execution_open", sqlite_where=sa.text("end_time IS NULL"), postgresql_where=sa.text("end_time IS NULL")
        )

    op.drop_table("execution")
    op.drop_table("configuration_value")
    with op.batch_alter_table("blob", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_blob_live_digest", sqlite_where=sa.text("state = 'live'"), postgresql_where=sa.text("state = 'live'")
        )
        batch_op.drop_index(
            "ix_blob_state", sqlite_where=sa.text("state <> 'live'"), postgresql_where=sa.text("state <> 'live'")
        )

    op.drop_table("blob")
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_log_project_id")

    op.drop_table("audit_log")
