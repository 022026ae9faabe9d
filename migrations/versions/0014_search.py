"""Names are found by any part of them, artifacts by digest and tag, audit rows by user."""

import sqlalchemy as sa
import structlog
from alembic import op
from sqlalchemy.exc import DBAPIError

from app.db import types

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None

_log = structlog.get_logger()
_TABLES = ("project", "repository")
_TRIGRAMS = "CREATE VIRTUAL TABLE search_{0} USING fts5(name, content='{0}', content_rowid='id', tokenize='trigram')"
_FILL = "INSERT INTO search_{0} (rowid, name) SELECT id, name FROM {0}"
_ADD = "INSERT INTO search_{0} (rowid, name) VALUES (new.id, new.name);"
_REMOVE = "INSERT INTO search_{0} (search_{0}, rowid, name) VALUES ('delete', old.id, old.name);"
_TRIGGERS = (
    "CREATE TRIGGER search_{0}_added AFTER INSERT ON {0} BEGIN " + _ADD + " END",
    "CREATE TRIGGER search_{0}_removed AFTER DELETE ON {0} BEGIN " + _REMOVE + " END",
    "CREATE TRIGGER search_{0}_changed AFTER UPDATE OF id, name ON {0} BEGIN " + _REMOVE + " " + _ADD + " END",
)
_PATHS = {
    "sqlite": "UPDATE repository SET path = substr(name, instr(name, '/') + 1)",
    "postgresql": "UPDATE repository SET path = substr(name, strpos(name, '/') + 1)",
}
_MISSING = (
    "searches for parts of names are slower without pg_trgm: install it (CREATE EXTENSION pg_trgm) and create the "
    "indexes named in migrations/README.md"
)


def upgrade() -> None:
    """Apply."""
    op.add_column("repository", sa.Column("path", types.byte_text(255), nullable=False, server_default=""))
    connection = op.get_bind()
    connection.execute(sa.text(_PATHS[connection.dialect.name]))
    op.create_index("ix_repository_path", "repository", ["path", "name"])
    op.create_index("ix_artifact_digest", "artifact", ["digest", "id"])
    op.create_index("ix_tag_name", "tag", ["name", "artifact_id"])
    op.create_index("ix_audit_log_username", "audit_log", ["username", "op_time", "id", "project_id"])
    if connection.dialect.name == "sqlite":
        for statement, table in ((text, table) for table in _TABLES for text in (_TRIGRAMS, _FILL, *_TRIGGERS)):
            connection.execute(sa.text(statement.format(table)))
    elif not _indexed_by_trigrams(connection):
        _log.warning("search_without_trigrams", advice=_MISSING)


def downgrade() -> None:
    """Undo; the extension stays, as others may use it."""
    for table in _TABLES:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP INDEX IF EXISTS search_{table}")
        else:
            for trigger in ("added", "removed", "changed"):
                op.execute(f"DROP TRIGGER IF EXISTS search_{table}_{trigger}")
            op.drop_table(f"search_{table}")
    op.drop_index("ix_audit_log_username", "audit_log")
    op.drop_index("ix_tag_name", "tag")
    op.drop_index("ix_artifact_digest", "artifact")
    op.drop_index("ix_repository_path", "repository")
    op.drop_column("repository", "path")


def _indexed_by_trigrams(connection: sa.Connection) -> bool:
    """Install pg_trgm, if this is allowed, and create its indexes; tell whether they are there."""
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
            for table in _TABLES:
                connection.execute(sa.text(f"CREATE INDEX search_{table} ON {table} USING gin (name gin_trgm_ops)"))
    except DBAPIError:
        return False
    return True
