"""fingerprints of the installation's keys, and e-mail addresses compared without case."""

from collections.abc import Iterator

import sqlalchemy as sa
import structlog
from alembic import op

from app.db import types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_BATCH = 500
_log = structlog.get_logger()


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "installation_key",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("name", types.byte_text(64), nullable=False),
        sa.Column("fingerprint", types.byte_text(64), nullable=False),
        sa.Column("state", types.byte_text(16), nullable=False),
        sa.Column("creation_time", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation_key")),
        sa.UniqueConstraint("name", "fingerprint", name=op.f("uq_installation_key_name_fingerprint")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_installation_key_current",
        "installation_key",
        ["name"],
        unique=True,
        sqlite_where=sa.text("state = 'current'"),
        postgresql_where=sa.text("state = 'current'"),
    )
    op.add_column("user_account", sa.Column("email_key", types.byte_text(255), nullable=True))
    _enter_addresses()
    op.create_index("uq_user_account_email_key", "user_account", ["email_key"], unique=True)


def downgrade() -> None:
    """Take back."""
    op.drop_index("uq_user_account_email_key", "user_account")
    op.drop_column("user_account", "email_key")
    op.drop_index("uq_installation_key_current", "installation_key")
    op.drop_table("installation_key")


def _enter_addresses() -> None:
    """Give every account its address in lower case; of several with one address the oldest has it."""
    connection, owners = op.get_bind(), dict[str, str]()
    for batch in _accounts(connection):
        keys = []
        for user_id, username, email in batch:
            key = email.translate(_LOWER)
            if key not in owners:
                owners[key] = username
                keys.append({"id": user_id, "key": key})
                continue
            _log.warning(
                "email_address_shared",
                account=username,
                owner=owners[key],
                result="the account keeps its address but cannot log in by it until one of the two is changed",
            )
        if keys:
            connection.execute(sa.text("UPDATE user_account SET email_key = :key WHERE id = :id"), keys)


def _accounts(connection: sa.Connection) -> Iterator[list[tuple[int, str, str]]]:
    statement = sa.text(
        "SELECT id, username, email FROM user_account WHERE email IS NOT NULL AND NOT deleted AND id > :last "
        "ORDER BY id LIMIT :batch"
    )
    last = 0
    while rows := connection.execute(statement, {"last": last, "batch": _BATCH}).all():
        last = rows[-1].id
        yield [(row.id, row.username, row.email) for row in rows]
