"""Fixtures of all suites: settings, database (on SQLite and PostgreSQL), ports, application, clients, a live server."""

import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import httpx
import pytest
from flask import Flask

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.db.database import Database
from app.factory import create_app
from app.settings import Settings, load
from app.wiring import build
from tests.support import databases, postgres
from tests.support.server import LiveServer, serve


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file."""
    return databases.make_sqlite_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server of this run."""
    with postgres.cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: postgres.Cluster) -> str:
    """The name of a migrated database on the server of this run."""
    return databases.make_postgresql_template(postgres_cluster)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of this test alone; a test that needs one kind parametrises this fixture itself, indirectly."""
    if request.param == "sqlite":
        yield databases.copy_sqlite(request.getfixturevalue("sqlite_template"), tmp_path / "pyharbor.db")
        return
    cluster, template = request.getfixturevalue("postgres_cluster"), request.getfixturevalue("postgres_template")
    with databases.copy_postgresql(cluster, template) as url:
        yield url


@pytest.fixture
def environment(tmp_path: Path, database_url: str) -> dict[str, str]:
    """The variables of an installation in a folder of its own; override this fixture to change a setting."""
    return {
        "HARBOR_DATA_DIR": str(tmp_path / "data"),
        "HARBOR_DATABASE_URL": database_url,
        "HARBOR_EXTERNAL_URL": "http://registry.test",
        "HARBOR_LOG_LEVEL": "warning",
        "HARBOR_STORAGE_FSYNC": "false",
    }


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    """The settings of this test's installation."""
    with mock.patch.dict(os.environ, environment):
        return load()


@pytest.fixture
def ports(settings: Settings) -> Iterator[Ports]:
    """The ports of this test's installation."""
    built = build(settings)
    yield built
    close = getattr(built.pulls, "close", None)
    if close is not None:
        close()
    built.db.dispose()


@pytest.fixture
def database(ports: Ports) -> Database:
    """This test's database, migrated."""
    return ports.db


@pytest.fixture
def ctx(ports: Ports) -> Context:
    """A context of the product itself, which may everything."""
    return Context(ports, SYSTEM, request_id="test", address="127.0.0.1")


@pytest.fixture
def app(ports: Ports) -> Flask:
    """The web application over this test's ports."""
    return create_app(ports)


@pytest.fixture
def client(app: Flask) -> Iterator[httpx.Client]:
    """An anonymous client of the application, inside this process; ``auth=(name, password)`` logs in per request."""
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://registry.test") as made:
        yield made


@pytest.fixture
def live_server(settings: Settings, environment: dict[str, str], tmp_path: Path) -> Iterator[LiveServer]:
    """A real gunicorn with two workers on a free port, over this test's database and storage."""
    with serve(environment, tmp_path / "server.log") as server:
        yield server
