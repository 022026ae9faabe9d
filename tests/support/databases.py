"""Databases for the tests: migrated once per run; copied for each test on SQLite, used again on PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

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


@dataclass(slots=True, kw_only=True)
class PostgresqlTemplate:
    """A migrated database, its copies that no test uses now, and how a used copy becomes what it was."""

    cluster: Cluster
    name: str
    reset: sql.Composed
    """Empties what tests have filled, without their triggers, and puts back what the migrations put in."""
    shape: str
    """What ``_SHAPE`` says of the tables; other tables are no copy any more."""
    spare: list[str] = field(default_factory=list)


def make_postgresql_template(cluster: Cluster) -> PostgresqlTemplate:
    """A migrated database that others are copied from; nobody stays connected to it."""
    name = cluster.create()
    migrate(cluster.url(name))
    with _connected(cluster, name) as connection:
        reset = sql.Composed([sql.SQL("SET session_replication_role = replica;\n"), *_emptied(connection)])
    return PostgresqlTemplate(cluster=cluster, name=name, reset=reset, shape=_shape(cluster, name))


@contextmanager
def copy_postgresql(template: PostgresqlTemplate) -> Iterator[str]:
    """A copy of the template for one test, which is alone with it; making one anew is slower than emptying it."""
    cluster = template.cluster
    name = template.spare.pop() if template.spare else cluster.create(template.name)
    try:
        yield cluster.url(name)
    finally:
        if _is_as_new(template, name):
            template.spare.append(name)
        else:
            cluster.drop(name)


def _is_as_new(template: PostgresqlTemplate, name: str) -> bool:
    """Cut what is still connected and empty the database; False when a test has changed its tables."""
    cluster = template.cluster
    try:
        with _connected(cluster, name) as connection:
            connection.execute(_ALONE)
        if _shape(cluster, name) != template.shape:
            return False
        with _connected(cluster, name) as connection:
            connection.execute(template.reset)
    except psycopg.Error:
        return False
    return True


def _emptied(connection: psycopg.Connection[tuple[str, ...]]) -> Iterator[sql.Composed]:
    for (table,) in connection.execute(_TABLES).fetchall():
        yield sql.SQL("DELETE FROM {};\n").format(sql.Identifier(table))
        rows = connection.execute(sql.SQL("SELECT to_jsonb(t)::text FROM {} t").format(sql.Identifier(table)))
        for (row,) in rows.fetchall():
            yield sql.SQL("INSERT INTO {0} SELECT * FROM jsonb_populate_record(NULL::{0}, {1}::jsonb);\n").format(
                sql.Identifier(table), sql.Literal(row)
            )
    for sequence, last, called in connection.execute(_SEQUENCES).fetchall():
        yield sql.SQL("SELECT setval({}, {}, {});\n").format(
            sql.Literal(sequence), sql.Literal(int(last)), sql.Literal(called == "true")
        )


def _shape(cluster: Cluster, name: str) -> str:
    with _connected(cluster, name) as connection:
        found = connection.execute(_SHAPE).fetchone()
    assert found is not None
    return found[0]


@contextmanager
def _connected(cluster: Cluster, name: str) -> Iterator[psycopg.Connection[tuple[str, ...]]]:
    address = f"host=127.0.0.1 port={cluster.port} user=postgres dbname={name}"
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


_TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_SEQUENCES = """
SELECT quote_ident(sequencename)::text, coalesce(last_value, start_value)::text, (last_value IS NOT NULL)::text
FROM pg_sequences WHERE schemaname = 'public' ORDER BY sequencename
"""
_ALONE = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SHAPE = """
SELECT string_agg(description, ',' ORDER BY description) FROM (
    SELECT c.relname || ' ' || c.oid || ' ' || c.relnatts AS description FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'
) AS described
"""
