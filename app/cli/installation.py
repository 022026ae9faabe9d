"""Open the configured installation for a command, once its database is migrated."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.db import migrate
from app.db.database import Database
from app.settings import Settings, load
from app.wiring import build


@contextmanager
def opened() -> Iterator[Ports]:
    """Build the ports of the configured installation and close them at the end.

    PreconditionError unless the database is at the code's revision.
    """
    settings = load()
    require_migrated(settings)
    ports = build(settings)
    try:
        yield ports
    finally:
        ports.db.dispose()


@contextmanager
def acting() -> Iterator[Context]:
    """Open the installation and give a context of the system's own principal, which may do everything."""
    with opened() as ports:
        yield Context(ports, SYSTEM)


def require_migrated(settings: Settings) -> None:
    """Raise PreconditionError unless the configured database is at the code's revision."""
    database = Database(settings.database.url)
    try:
        migrate.require_current(database)
    finally:
        database.dispose()
