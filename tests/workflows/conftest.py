"""Fixtures of the workflow suite: one Temporal server per run, a namespace and a worker per test."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.context import Context, Ports
from tests.support.temporal import TemporalServer
from tests.support.worker import WorkerProcess
from tests.workflows.scene import Scene


@pytest.fixture(scope="session")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """A Temporal server that all tests share; none of them stops it."""
    server = TemporalServer(tmp_path_factory.mktemp("temporal"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def temporal_address(temporal_server: TemporalServer) -> str:
    """Where the worker of this test looks for Temporal; override it for a server of one's own."""
    return temporal_server.address


@pytest.fixture
def database_url(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> Iterator[str]:
    """SQLite unless a test asks for PostgreSQL, indirectly."""
    if getattr(request, "param", "sqlite") == "sqlite":
        from tests.support import databases

        yield databases.copy_sqlite(sqlite_template, tmp_path / "pyharbor.db")
        return
    from tests.support import databases

    with databases.copy_postgresql(request.getfixturevalue("postgres_template")) as url:
        yield url


@pytest.fixture
def garbage_environment() -> dict[str, str]:
    """Further variables of this test's installation."""
    return {}


@pytest.fixture
def environment(
    tmp_path: Path, database_url: str, temporal_address: str, garbage_environment: dict[str, str]
) -> dict[str, str]:
    """The variables of this test's installation: a namespace of its own, no grace window."""
    return {
        "HARBOR_DATA_DIR": str(tmp_path / "data"),
        "HARBOR_DATABASE_URL": database_url,
        "HARBOR_EXTERNAL_URL": "http://registry.test",
        "HARBOR_LOG_LEVEL": "info",
        "HARBOR_STORAGE_FSYNC": "false",
        "HARBOR_STORAGE_RESERVE": "0",
        "HARBOR_TEMPORAL_ADDRESS": temporal_address,
        "HARBOR_TEMPORAL_NAMESPACE": f"test-{secrets.token_hex(4)}",
        "HARBOR_GC_TIME_WINDOW": "0s",
        **garbage_environment,
    }


@pytest.fixture
def worker(environment: dict[str, str], tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker over this test's installation, not started yet."""
    process = WorkerProcess(environment, tmp_path / "worker.log")
    yield process
    process.stop()


@pytest.fixture
def scene(ports: Ports, ctx: Context) -> Scene:
    """Content to collect, and eyes on what becomes of it."""
    return Scene(ports=ports, ctx=ctx)
