"""The migrations and the models agree, up and down, on an empty and on a filled database."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from app.core.errors import PreconditionError
from app.db import migrate
from app.db.database import Database
from app.identity.models import User
from app.projects.models import Project
from app.tables import metadata


def test_models_and_migrations_describe_the_same_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata()) == []


def test_down_and_up_again_on_an_empty_database(database: Database) -> None:
    migrate.downgrade(database, "base")
    with database.engine.connect() as connection:
        assert set(sa.inspect(connection).get_table_names()) - {"alembic_version"} == set()
    migrate.upgrade(database)
    migrate.require_current(database)


def test_down_and_up_again_on_a_filled_database(database: Database) -> None:
    now = datetime.now(UTC)
    with database.write() as session:
        user = User(username="fill", creation_time=now, update_time=now)
        session.add(user)
        session.flush()
        session.add(Project(name="filled", owner_id=user.id, creation_time=now, update_time=now))
    migrate.downgrade(database, "base")
    migrate.upgrade(database)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Project)) == 0


def test_upgrade_is_idempotent(database: Database) -> None:
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()


def test_a_newer_database_is_refused_in_one_sentence(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(PreconditionError, match="revision 9999, which this version of PyHarbor does not know"):
        migrate.upgrade(database)
    with pytest.raises(PreconditionError, match="pyharbor db upgrade"):
        migrate.require_current(database)
