"""Databases for the tests: migrated once per run, copied for each test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.db.database import Database
from app.db.migrate import upgrade
from tests.support.postgres import Cluster


def migrate(url: str) -> None:
    """Bring the database to the code's revision."""
    database = Database(url)
    try:
        upgrade(database)
    finally:
        database.dispose()


def make_sqlite_template(folder: Path) -> Path:
    """A migrated SQLite file with no journal beside it."""
    path = folder / "template.db"
    migrate(f"sqlite:///{path}")
    return path


def copy_sqlite(template: Path, path: Path) -> str:
    """Copy the template and return the copy's URL."""
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


def make_postgresql_template(cluster: Cluster) -> str:
    """A migrated database that others are copied from; nobody stays connected to it."""
    name = cluster.create()
    migrate(cluster.url(name))
    return name


@contextmanager
def copy_postgresql(cluster: Cluster, template: str) -> Iterator[str]:
    """A copy of the template; dropped at the end."""
    name = cluster.create(template)
    try:
        yield cluster.url(name)
    finally:
        cluster.drop(name)
