"""``pyharbor db``: migrate a database to the code's revision, and write new migrations."""

import click
from alembic import command

from app.cli.asking import require_consent
from app.db import migrate
from app.db.database import Database
from app.settings import load


@click.group()
def db() -> None:
    """Migrate the database."""


@db.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Run the migrations up to REVISION, by default all of them."""
    database = _database()
    migrate.upgrade(database, revision)
    click.echo(f"the database is at revision {migrate.current(database)}")


@db.command()
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
def downgrade(revision: str, *, yes: bool) -> None:
    """Take the migrations back to REVISION ('base' for none); what newer tables and columns hold is lost."""
    database = _database()
    lost = migrate.losses(database, revision)
    if not yes:
        require_consent(f"This loses for ever: {', '.join(lost) or 'nothing'}.")
    migrate.downgrade(database, revision)
    click.echo(f"the database is at revision {migrate.current(database)}")


@db.command()
def status() -> None:
    """Print the database's revision and the code's."""
    click.echo(f"database {migrate.current(_database())}, code {migrate.head()}")


@db.command()
@click.argument("message")
def new(message: str) -> None:
    """Write a migration for the differences between the code's tables and the configured database."""
    database = _database()
    migrate.upgrade(database)
    command.revision(migrate.config(database), message=message, autogenerate=True)


def _database() -> Database:
    settings = load()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Database(settings.database.url)
