"""Fixtures of all suites: settings, database (on SQLite and PostgreSQL), ports, application, clients, a live server."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import httpx
import hypothesis
import pytest
from flask import Flask

from app.access.principals import SYSTEM
from app.artifacts.pulls import PullBuffer
from app.context import Context, Ports
from app.db.database import Database
from app.factory import routes, serve
from app.identity.fingerprints import KeyName
from app.identity.key_folder import KeyFolder, new_key
from app.identity.secret_files import replace as replace_file
from app.settings import Settings, load
from app.wiring import build
from tests.support import databases, postgres, server
from tests.support.clock import MovableClock
from tests.support.people import People
from tests.support.server import LiveServer
from tests.support.settlements import Settlements

hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")
"""A busy machine makes no test fail."""


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Hash passwords with little memory and one pass: most tests need accounts, few are about what a guess costs."""
    with mock.patch.multiple("app.identity.passwords", _MEMORY_KIB=64, _PASSES=1):
        yield


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
def postgres_template(postgres_cluster: postgres.Cluster) -> databases.PostgresqlTemplate:
    """A migrated database on the server of this run."""
    return databases.make_postgresql_template(postgres_cluster)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of this test alone; a test that needs one kind parametrises this fixture, indirectly."""
    if request.param == "sqlite":
        yield databases.copy_sqlite(request.getfixturevalue("sqlite_template"), tmp_path / "pyharbor.db")
        return
    with databases.copy_postgresql(request.getfixturevalue("postgres_template")) as url:
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
        "HARBOR_STORAGE_RESERVE": "0",
    }


@pytest.fixture(scope="session")
def signing_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token signing key, made once because making one takes a tenth of a second."""
    path = tmp_path_factory.mktemp("secrets") / "token-signing-key.pem"
    replace_file(path, new_key(KeyName.SIGNING))
    return path


@pytest.fixture
def settings(environment: dict[str, str], signing_key_file: Path) -> Settings:
    """The settings of this test's installation, whose signing key is there already."""
    with mock.patch.dict(os.environ, environment):
        loaded = load()
    loaded.data_dir.mkdir(mode=0o700)
    loaded.secrets_dir.mkdir(mode=0o700)
    shutil.copy(signing_key_file, loaded.secrets_dir)
    return loaded


@pytest.fixture
def clock() -> MovableClock:
    """The clock of this test's installation."""
    return MovableClock()


@pytest.fixture
def ports(settings: Settings, clock: MovableClock) -> Iterator[Ports]:
    """The ports of this test's installation, whose clock the test can move."""
    pulls = PullBuffer()
    built = replace(build(settings), clock=clock, pulls=pulls)
    pulls.start(built)
    yield built
    pulls.close()
    built.db.dispose()


@pytest.fixture
def key_folder(ports: Ports) -> KeyFolder:
    """The keys of this test's installation, as files."""
    return KeyFolder(ports.db, ports.settings.secrets_dir)


@pytest.fixture
def database(ports: Ports) -> Database:
    """The migrated database of this test."""
    return ports.db


@pytest.fixture
def ctx(ports: Ports) -> Context:
    """A context of the product itself, which may everything."""
    return Context(ports, SYSTEM, request_id="test", address="127.0.0.1")


@pytest.fixture(scope="session")
def app_routes() -> Flask:
    """The web application's routes, made once because making them takes a quarter of a second."""
    return routes()


@pytest.fixture
def app(app_routes: Flask, ports: Ports) -> Flask:
    """The web application over this test's ports."""
    serve(app_routes, ports)
    return app_routes


@pytest.fixture
def transport(app: Flask) -> httpx.BaseTransport:
    """How the clients below reach the application: inside this process; override it for a server."""
    return httpx.WSGITransport(app=app)


@pytest.fixture
def client(transport: httpx.BaseTransport) -> Iterator[httpx.Client]:
    """An anonymous client of the application; ``auth=(name, password)`` logs in per request."""
    with httpx.Client(transport=transport, base_url="http://registry.test", timeout=30) as made:
        yield made


@pytest.fixture
def admin(transport: httpx.BaseTransport, people: People) -> Iterator[httpx.Client]:
    """The system administrator's client of the management API."""
    base, credentials = "http://registry.test/api/v2.0", people["admin"].credentials
    with httpx.Client(transport=transport, base_url=base, auth=credentials, timeout=30) as made:
        yield made


@pytest.fixture
def registry(transport: httpx.BaseTransport, people: People) -> Iterator[httpx.Client]:
    """The system administrator's client of the registry."""
    base, credentials = "http://registry.test", people["admin"].credentials
    with httpx.Client(transport=transport, base_url=base, auth=credentials, timeout=30) as made:
        yield made


@pytest.fixture(scope="session")
def settlements() -> Settlements:
    """The people of this run, made by the services once."""
    return Settlements()


@pytest.fixture
def people(ports: Ports, settlements: Settlements) -> People:
    """An account for each kind of caller, and the projects ``private`` and ``public``."""
    return settlements.settle(ports)


@pytest.fixture
def live_server(settings: Settings, environment: dict[str, str], tmp_path: Path) -> Iterator[LiveServer]:
    """A real gunicorn with two workers on a free port, over this test's database and storage."""
    with server.serve(environment, tmp_path / "server.log") as live:
        yield live
