"""Schema migrations: bring a database to the code's revision, and say clearly when it is ahead of the code."""

from collections.abc import Callable
from importlib.resources import files

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from app.core.errors import PreconditionError
from app.db.database import Database

_LOCK = 727002


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the migrations up to ``revision``; PreconditionError when the database is newer than the code."""
    _run(database, command.upgrade, revision)


def downgrade(database: Database, revision: str) -> None:
    """Run the migrations down to ``revision`` (``base`` for an empty database)."""
    _run(database, command.downgrade, revision)


def current(database: Database) -> str | None:
    """The database's revision, None when it is empty."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The code's revision."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def require_current(database: Database) -> None:
    """Raise PreconditionError unless the database stands at the code's revision."""
    there, here = current(database), head()
    if there != here:
        raise PreconditionError(
            f"the database is at revision {there}, the code needs {here}: run 'pyharbor db upgrade'"
        )


def config(database: Database) -> Config:
    """Alembic's configuration for a database, for the command that writes new migrations."""
    made = _config()
    made.attributes["engine"] = database.engine
    return made


def _run(database: Database, step: Callable[[Config, str], None], revision: str) -> None:
    with database.engine.begin() as connection:
        if not database.sqlite:
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        made = _config()
        made.attributes["connection"] = connection
        try:
            step(made, revision)
        except CommandError as error:
            there = MigrationContext.configure(connection).get_current_revision()
            raise PreconditionError(
                f"the database is at revision {there}, which this version of PyHarbor does not know: "
                "it was written by a newer version; install that one or restore a backup"
            ) from error


def _config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(files("migrations")))
    return made
