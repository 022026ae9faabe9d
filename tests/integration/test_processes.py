"""The processes refuse a database of another revision with one sentence and exit code 1."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.db import migrate
from app.db.database import Database
from tests.support.databases import copy_sqlite
from tests.support.network import free_port


def _run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    ports = {name: str(free_port()) for name in ("HARBOR_PORT", "HARBOR_TEMPORAL_PORT", "HARBOR_TEMPORAL_UI_PORT")}
    environment = os.environ | ports | {"HARBOR_DATA_DIR": str(folder), "HARBOR_TEMPORAL_BINARY": sys.executable}
    arguments = [sys.executable, "-m", "app.cli", command]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("command", ["web", "worker"])
def test_an_empty_database_is_refused(tmp_path: Path, command: str) -> None:
    done = _run(tmp_path, command)
    assert done.returncode == 1
    assert done.stderr == (
        f"pyharbor: the database is at revision None, the code needs {migrate.head()}: run 'pyharbor db upgrade'\n"
    )


@pytest.mark.parametrize("command", ["up", "web", "worker"])
def test_a_newer_database_is_refused(tmp_path: Path, sqlite_template: Path, command: str) -> None:
    database = Database(copy_sqlite(sqlite_template, tmp_path / "pyharbor.db"))
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.dispose()
    done = _run(tmp_path, command)
    assert done.returncode == 1
    assert done.stderr.startswith("pyharbor: the database is at revision 9999")
    assert done.stderr.count("\n") == 1
