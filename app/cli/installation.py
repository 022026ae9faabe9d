"""The installation as commands open it: settings, a migrated database, the keys that it knows."""

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
    """The ports of the configured installation; PreconditionError when its database is not at the code's revision."""
    settings = load()
    require_migrated(settings)
    ports = build(settings)
    try:
        yield ports
    finally:
        ports.db.dispose()


@contextmanager
def acting() -> Iterator[Context]:
    """As ``opened``, in the name of the product itself."""
    with opened() as ports:
        yield Context(ports, SYSTEM)


def require_migrated(settings: Settings) -> None:
    """PreconditionError unless the configured database stands at the code's revision."""
    database = Database(settings.database.url)
    try:
        migrate.require_current(database)
    finally:
        database.dispose()
