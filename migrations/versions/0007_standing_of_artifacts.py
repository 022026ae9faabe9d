"""standing of artifacts, accessories by tag, counters that equal the list, small ids of audit rows."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.db import types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TAG = re.compile(r"sha256-([0-9a-f]{64})(\.sig|\.att|\.sbom)?")
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_TAGS = sa.text(
    "SELECT tag.name, artifact.id, artifact.repository_id, artifact.digest, artifact.manifest_media_type,"
    " artifact.artifact_type FROM tag JOIN artifact ON artifact.id = tag.artifact_id"
    " WHERE substr(tag.name, 1, 7) = 'sha256-'"
    " AND NOT EXISTS (SELECT 1 FROM accessory WHERE accessory.artifact_id = artifact.id)"
    " ORDER BY tag.id"
)
_SETTLE = sa.text(
    """
    UPDATE artifact SET standing = CASE
        WHEN EXISTS (SELECT 1 FROM accessory a WHERE a.artifact_id = artifact.id AND NOT a.by_tag) OR (
            EXISTS (
                SELECT 1 FROM accessory a JOIN artifact s ON s.repository_id = a.repository_id
                AND s.digest = a.subject_digest WHERE a.artifact_id = artifact.id AND a.by_tag
            ) AND NOT EXISTS (
                SELECT 1 FROM tag t WHERE t.artifact_id = artifact.id
                AND NOT (substr(t.name, 1, 7) = 'sha256-' AND length(t.name) IN (71, 75, 76))
            )
        ) THEN 'accessory'
        WHEN EXISTS (SELECT 1 FROM artifact_child c WHERE c.child_id = artifact.id)
            AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.artifact_id = artifact.id) THEN 'child'
        ELSE 'listed' END
    """
)
_RENUMBER = sa.text(
    """
    UPDATE audit_log SET id = numbered.number FROM (
        SELECT op_time, id, row_number() OVER (ORDER BY op_time, id)
            + (SELECT coalesce(max(small.id), 0) FROM audit_log small WHERE small.id <= 2147483647) AS number
        FROM audit_log WHERE id > 2147483647
    ) numbered WHERE audit_log.op_time = numbered.op_time AND audit_log.id = numbered.id
    """
)
_COUNT = (
    "UPDATE repository SET artifact_count = (SELECT count(*) FROM artifact a WHERE a.repository_id = repository.id{})"
)


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("artifact") as batch:
        batch.add_column(sa.Column("standing", types.byte_text(16), server_default="listed", nullable=False))
        batch.create_index("ix_artifact_standing", ["repository_id", "standing", "push_time", "id"])
    with op.batch_alter_table("accessory", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.add_column(sa.Column("by_tag", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch.drop_constraint("uq_accessory_artifact_id", type_="unique")
        batch.create_unique_constraint("uq_accessory_artifact_id_subject_digest", ["artifact_id", "subject_digest"])
    connection = op.get_bind()
    rows = _accessories(connection.execute(_TAGS).all())
    if rows:
        connection.execute(sa.insert(_accessory()), rows)
    connection.execute(_SETTLE)
    connection.execute(sa.text(_COUNT.format(" AND a.standing = 'listed'")))
    _number_audit_rows(connection)


def downgrade() -> None:
    """Undo."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("DROP SEQUENCE audit_log_id_seq"))
    op.drop_table("last_number")
    op.execute(sa.text("DELETE FROM accessory WHERE by_tag"))
    op.execute(sa.text(_COUNT.format("")))
    with op.batch_alter_table("accessory", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_constraint("uq_accessory_artifact_id_subject_digest", type_="unique")
        batch.create_unique_constraint("uq_accessory_artifact_id", ["artifact_id"])
        batch.drop_column("by_tag")
    op.drop_index("ix_artifact_standing", table_name="artifact")
    op.drop_column("artifact", "standing")


def _number_audit_rows(connection: sa.Connection) -> None:
    """Give rows with large ids small ones, and go on from there."""
    op.create_table(
        "last_number",
        sa.Column("name", types.byte_text(63), nullable=False),
        sa.Column("value", types.BigId, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_last_number")),
        sqlite_autoincrement=True,
    )
    connection.execute(_RENUMBER)
    last = connection.execute(sa.text("SELECT coalesce(max(id), 0) FROM audit_log")).scalar_one()
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"CREATE SEQUENCE audit_log_id_seq START WITH {int(last) + 1}"))
    else:
        row = {"name": "audit_log_id_seq", "value": last}
        connection.execute(sa.text("INSERT INTO last_number (name, value) VALUES (:name, :value)"), row)


def _accessories(tags: Sequence[Any]) -> list[dict[str, object]]:
    """The rows that say what tags are about, each subject of an artifact once."""
    now = datetime.now(UTC)
    rows: dict[tuple[int, str], dict[str, object]] = {}
    for name, artifact_id, repository_id, digest, media_type, artifact_type in tags:
        named = _TAG.fullmatch(name)
        subject = f"sha256:{named[1]}" if named else digest
        if named is None or subject == digest or not (named[2] or media_type in _INDEXES):
            continue
        rows[artifact_id, subject] = {
            "artifact_id": artifact_id,
            "repository_id": repository_id,
            "subject_digest": subject,
            "kind": "signature.cosign" if named[2] == ".sig" else "subject.accessory",
            "artifact_type": artifact_type,
            "descriptor": b"",
            "creation_time": now,
            "by_tag": True,
        }
    return list(rows.values())


def _accessory() -> sa.TableClause:
    return sa.table(
        "accessory",
        sa.column("artifact_id", types.BigId),
        sa.column("repository_id", types.BigId),
        sa.column("subject_digest", types.byte_text(160)),
        sa.column("kind", sa.String(64)),
        sa.column("artifact_type", sa.String(255)),
        sa.column("descriptor", sa.LargeBinary()),
        sa.column("creation_time", types.UtcDateTime()),
        sa.column("by_tag", sa.Boolean()),
    )
