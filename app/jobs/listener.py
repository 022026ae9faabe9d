"""The worker's side of the bell; a module of its own because only the worker imports PostgreSQL's driver."""

import threading
from typing import Any, Final

import psycopg
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from app.db.database import Database
from app.jobs.bell import CHANNEL

_LOOK_SECONDS: Final = 0.1
_LISTEN_SECONDS: Final = 1.0


class BellListener:
    """Waits for the bell; for use by one thread."""

    def __init__(self, database: Database) -> None:
        """Keep the database; the connection is opened by the first ``wait``."""
        self._database = database
        self._connection: Connection | None = None

    def wait(self, stop: threading.Event) -> None:
        """Return when the bell may have rung: after a NOTIFY, else after 0.1 s (SQLite) or 1 s (PostgreSQL)."""
        if self._database.sqlite:
            stop.wait(_LOOK_SECONDS)
            return
        try:
            for _ in self._listening().notifies(timeout=_LISTEN_SECONDS, stop_after=1):
                return
        except (psycopg.Error, DBAPIError):
            self.close()
            stop.wait(_LISTEN_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _listening(self) -> Any:  # noqa: ANN401 - the driver's own connection
        if self._connection is None:
            self._connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        return self._connection.connection.driver_connection
