"""The bell between a commit and the worker: NOTIFY on PostgreSQL; on SQLite the worker looks by itself."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

CHANNEL: Final = "pyharbor_jobs"
_RING: Final = sa.text(f"SELECT pg_notify('{CHANNEL}', '')")


class DatabaseBell:
    """Rung in the writing transaction: the worker hears it when that commits."""

    def ring(self, session: Session) -> None:
        """Notify on PostgreSQL; nothing on SQLite, where the worker looks by itself."""
        if session.get_bind().dialect.name == "postgresql":
            session.execute(_RING)
