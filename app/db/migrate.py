"""Run schema migrations, and check that a database is at the code's revision."""

from collections.abc import Callable, Mapping
from importlib.resources import files

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.engine import Connection

from app.core.errors import PreconditionError
from app.db.database import Database
from app.db.name_search import DERIVED
from app.db.outages import explained

_LOCK = 727002
_NEWER = (
    "the database is at revision {}, which this version of PyHarbor does not know: "
    "it was written by a newer version; install that one or restore a backup"
)


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the migrations up to ``revision``; PreconditionError when the database is newer than the code."""
    _run(database, command.upgrade, revision)


def downgrade(database: Database, revision: str) -> None:
    """Run the migrations down to ``revision`` (``base`` for an empty database)."""
    _run(database, command.downgrade, revision)


def losses(database: Database, revision: str) -> list[str]:
    """Describe the tables and columns that ``downgrade`` would drop; runs it and rolls it back."""
    with explained(database.url), database.engine.connect() as connection, connection.begin() as transaction:
        before = _contents(connection)
        _step(database, connection, command.downgrade, revision)
        after = _contents(connection)
        transaction.rollback()
    return [
        f"table {table} ({rows} rows)" if table not in after else f"column {table}.{column}"
        for table, (rows, columns) in before.items()
        for column in ([""] if table not in after else sorted(columns - after[table][1]))
    ]


def current(database: Database) -> str | None:
    """Return the database's revision, None when it is empty; PreconditionError when it cannot be read."""
    with explained(database.url), database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """Return the code's revision."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def require_current(database: Database) -> None:
    """Raise PreconditionError unless the database stands at the code's revision."""
    actual, expected = current(database), head()
    if actual is not None and not _is_known(actual):
        raise PreconditionError(_NEWER.format(actual))
    if actual != expected:
        raise PreconditionError(
            f"the database is at revision {actual}, the code needs {expected}: run 'pyharbor db upgrade'"
        )


def config(database: Database) -> Config:
    """Return Alembic's configuration for the database, for the command that writes new migrations."""
    configuration = _config()
    configuration.attributes["engine"] = database.engine
    return configuration


def is_declared(kind: str, name: str | None) -> bool:
    """Tell whether models declare what is called so, a ``kind`` of Alembic's: not what serves the search for names."""
    return not (kind in {"table", "index"} and name is not None and name.startswith(("sqlite_", DERIVED)))


def _run(database: Database, step: Callable[[Config, str], None], revision: str) -> None:
    with explained(database.url), database.engine.begin() as connection:
        _step(database, connection, step, revision)


def _step(database: Database, connection: Connection, step: Callable[[Config, str], None], revision: str) -> None:
    if not database.sqlite:
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    actual = MigrationContext.configure(connection).get_current_revision()
    if actual is not None and not _is_known(actual):
        raise PreconditionError(_NEWER.format(actual))
    configuration = _config()
    configuration.attributes["connection"] = connection
    try:
        step(configuration, revision)
    except CommandError as error:
        raise PreconditionError(f"there is no way from revision {actual} to {revision!r}: {error}") from error


def _is_known(revision: str) -> bool:
    try:
        return ScriptDirectory.from_config(_config()).get_revision(revision) is not None
    except CommandError:
        return False


def _contents(connection: Connection) -> Mapping[str, tuple[int, frozenset[str]]]:
    """Return the number of rows and the columns of every table."""
    inspector = sa.inspect(connection)
    return {
        name: (
            connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one(),
            frozenset(column["name"] for column in inspector.get_columns(name)),
        )
        for name in inspector.get_table_names()
        if is_declared("table", name)
    }


def _config() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(files("migrations")))
    return configuration
