"""people, robots, quotas and allow lists."""

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "ix_user_account_present",
        "user_account",
        ["username", "id"],
        unique=False,
        sqlite_where=sa.text("deleted IS 0"),
        postgresql_where=sa.text("deleted IS false"),
    )
    op.create_table(
        "user_group",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("group_name", types.byte_text(255), nullable=False),
        sa.Column("group_type", sa.Integer(), nullable=False),
        sa.Column("ldap_group_dn", types.byte_text(512), nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_group")),
        sa.UniqueConstraint(
            "group_type", "group_name", "ldap_group_dn", name=op.f("uq_user_group_group_type_group_name_ldap_group_dn")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "user_group_member",
        sa.Column("user_id", types.BigId, nullable=False),
        sa.Column("group_id", types.BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["user_group.id"], name=op.f("fk_user_group_member_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_user_group_member_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "group_id", name=op.f("pk_user_group_member")),
    )
    op.create_index("ix_user_group_member_group_id", "user_group_member", ["group_id"], unique=False)

    op.create_table(
        "user_session",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("id_hash", types.byte_text(64), nullable=False),
        sa.Column("user_id", types.BigId, nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("renewed_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_user_session_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_session")),
        sa.UniqueConstraint("id_hash", name=op.f("uq_user_session_id_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_user_session_expires_at", "user_session", ["expires_at"], unique=False)
    op.create_index("ix_user_session_user_id", "user_session", ["user_id"], unique=False)

    op.create_table(
        "cve_allowlist",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("project_id", types.BigId, nullable=True),
        sa.Column("items", types.Document, nullable=False),
        sa.Column("expires_at", types.BigId, nullable=True),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_cve_allowlist_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cve_allowlist")),
        sa.UniqueConstraint("project_id", name=op.f("uq_cve_allowlist_project_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "robot",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("name", types.byte_text(512), nullable=False),
        sa.Column("project_id", types.BigId, nullable=True),
        sa.Column("description", sa.String(length=1024), nullable=False),
        sa.Column("secret_hash", types.byte_text(64), nullable=False),
        sa.Column("previous_secret_hash", types.byte_text(64), nullable=True),
        sa.Column("previous_secret_until", types.UtcDateTime(), nullable=True),
        sa.Column("duration", types.BigId, nullable=False),
        sa.Column("expires_at", types.BigId, nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("editable", sa.Boolean(), nullable=False),
        sa.Column("creator_type", types.byte_text(16), nullable=False),
        sa.Column("creator_ref", types.BigId, nullable=False),
        sa.Column("version", types.BigId, nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.Column("update_time", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_robot_project_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_robot")),
        sa.UniqueConstraint("name", name=op.f("uq_robot_name")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_robot_project_id", "robot", ["project_id"], unique=False)

    op.create_table(
        "robot_permission",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("robot_id", types.BigId, nullable=False),
        sa.Column("namespace", types.byte_text(255), nullable=False),
        sa.Column("project_id", types.BigId, nullable=True),
        sa.Column("resource", types.byte_text(64), nullable=False),
        sa.Column("action", types.byte_text(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_robot_permission_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["robot_id"], ["robot.id"], name=op.f("fk_robot_permission_robot_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_robot_permission")),
        sa.UniqueConstraint(
            "robot_id",
            "namespace",
            "resource",
            "action",
            name=op.f("uq_robot_permission_robot_id_namespace_resource_action"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_robot_permission_project_id", "robot_permission", ["project_id"], unique=False)

    op.add_column("project_member", sa.Column("entity_name", types.byte_text(255), server_default="", nullable=False))
    op.execute(
        "UPDATE project_member SET entity_name = "
        "COALESCE((SELECT username FROM user_account WHERE id = project_member.entity_id), '')"
    )
    op.create_index("ix_project_member_name", "project_member", ["project_id", "entity_name", "id"], unique=False)
    op.add_column("project", sa.Column("storage_limit", types.BigId, server_default=sa.text("-1"), nullable=False))
    op.create_index("ix_project_visible", "project", ["name", "public", "id"], unique=False)
    op.execute(
        "INSERT INTO cve_allowlist (items, creation_time, update_time) VALUES ('[]', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_project_visible", "project")
    op.drop_column("project", "storage_limit")
    op.drop_index("ix_project_member_name", "project_member")
    op.drop_column("project_member", "entity_name")

    op.drop_index("ix_robot_permission_project_id", "robot_permission")

    op.drop_table("robot_permission")
    op.drop_index("ix_robot_project_id", "robot")

    op.drop_table("robot")
    op.drop_table("cve_allowlist")
    op.drop_index("ix_user_session_user_id", "user_session")
    op.drop_index("ix_user_session_expires_at", "user_session")

    op.drop_table("user_session")
    op.drop_index("ix_user_group_member_group_id", "user_group_member")

    op.drop_table("user_group_member")
    op.drop_table("user_group")
    op.drop_index("ix_user_account_present", "user_account")
