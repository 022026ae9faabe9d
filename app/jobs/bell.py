"""The signal that tells the worker of committed jobs: NOTIFY on PostgreSQL; on SQLite the worker polls."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

CHANNEL: Final = "pyharbor_jobs"
_RING: Final = sa.text(f"SELECT pg_notify('{CHANNEL}', '')")


class DatabaseBell:
    """Signals the worker from the writing transaction; the signal arrives when that transaction commits."""

    def ring(self, session: Session) -> None:
        """Send NOTIFY on PostgreSQL; do nothing on SQLite, where the worker polls."""
        if session.get_bind().dialect.name == "postgresql":
            session.execute(_RING)
