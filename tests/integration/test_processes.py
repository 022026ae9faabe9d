"""The processes refuse what they cannot run on with one sentence and exit code 1."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.db import migrate
from app.db.database import Database
from app.identity.key_folder import KeyFolder
from tests.support.databases import copy_sqlite
from tests.support.network import free_port


def _run(folder: Path, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    ports = {name: str(free_port()) for name in ("HARBOR_PORT", "HARBOR_TEMPORAL_PORT", "HARBOR_TEMPORAL_UI_PORT")}
    own = {"HARBOR_DATA_DIR": str(folder), "HARBOR_TEMPORAL_BINARY": sys.executable, **settings}
    arguments = [sys.executable, "-m", "app.cli", *command]
    return subprocess.run(
        arguments,
        env=os.environ | ports | own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _refused(folder: Path, *command: str, **settings: str) -> str:
    """What a command that is refused says: one line, exit code 1."""
    done = _run(folder, *command, **settings)
    assert (done.returncode, done.stderr[:10], done.stderr.count("\n")) == (1, "pyharbor: ", 1), done.stderr
    return done.stderr


def _migrated(folder: Path, template: Path) -> Path:
    path = folder / "pyharbor.db"
    copy_sqlite(template, path)
    return path


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


def test_an_argument_that_is_no_text_is_a_sentence(tmp_path: Path, sqlite_template: Path) -> None:
    _migrated(tmp_path, sqlite_template)
    assert _refused(tmp_path, "admin", "enable", "admin\udcff") == "pyharbor: an argument is not UTF-8\n"


COMMANDS = ("up", "web", "worker", "db status", "db upgrade", "db downgrade base --yes", "admin enable x", "gc run")


@pytest.mark.parametrize(
    ("command", "damage"),
    [
        *((command, "nonsense") for command in COMMANDS),
        *((command, damage) for command in ("up", "web", "db upgrade") for damage in ("truncated", "a folder")),
    ],
)
def test_a_broken_database_file_is_a_sentence(tmp_path: Path, sqlite_template: Path, command: str, damage: str) -> None:
    path = _migrated(tmp_path, sqlite_template)
    if damage == "nonsense":
        path.write_bytes(b"nonsense" * 1000)
    elif damage == "truncated":
        os.truncate(path, path.stat().st_size // 3)
    else:
        path.unlink()
        path.mkdir()
    assert f"the database file {path} " in _refused(tmp_path, *command.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_postgresql_that_is_not_there_is_a_sentence(tmp_path: Path, command: str) -> None:
    port = free_port()
    url = f"postgresql+psycopg://registry:s3cret-word@127.0.0.1:{port}/registry"
    said = _refused(tmp_path, *command.split(), HARBOR_DATABASE_URL=url)
    assert f"the database registry on 127.0.0.1:{port} cannot be used (HARBOR_DATABASE_URL)" in said
    assert "s3cret-word" not in said


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_an_unknown_database_is_a_sentence(tmp_path: Path, database_url: str) -> None:
    said = _refused(tmp_path, "db", "status", HARBOR_DATABASE_URL=database_url + "_unknown")
    assert "_unknown" in said
    assert "does not exist" in said


def test_a_downgrade_asks_and_says_what_is_lost(tmp_path: Path, sqlite_template: Path) -> None:
    _migrated(tmp_path, sqlite_template)
    said = _refused(tmp_path, "db", "downgrade", "base")
    assert "This loses for ever: " in said
    assert "table user_account (0 rows)" in said
    assert said.endswith("say --yes if that is what you want\n")
    assert f"database {migrate.head()}" in _run(tmp_path, "db", "status").stdout
    done = _run(tmp_path, "db", "downgrade", "base", "--yes")
    assert (done.returncode, done.stdout) == (0, "the database is at revision None\n"), done.stderr


@pytest.mark.parametrize("command", ["web", "worker", "admin enable x", "gc run"])
def test_other_keys_than_the_databases_are_refused(tmp_path: Path, sqlite_template: Path, command: str) -> None:
    path = _migrated(tmp_path, sqlite_template)
    database = Database(f"sqlite:///{path}")
    KeyFolder(database, tmp_path / "secrets").check_in()
    database.dispose()
    (tmp_path / "secrets" / "pepper-key").unlink()
    said = _refused(tmp_path, *command.split())
    assert f"{tmp_path}/secrets/pepper-key is gone" in said
    assert "restore" in said
    assert not (tmp_path / "secrets" / "pepper-key").exists()


def test_keys_are_rotated_and_replaced_by_command(tmp_path: Path, sqlite_template: Path) -> None:
    _migrated(tmp_path, sqlite_template)
    for name in ("signing", "encryption", "csrf", "pepper"):
        done = _run(tmp_path, "admin", f"rotate-{name}-key")
        assert (done.returncode, done.stdout.count("from now on")) == (0, 1), done.stderr
    assert "robots" in _refused(tmp_path, "admin", "rotate-pepper-key", "--at-once")
    (tmp_path / "secrets" / "csrf-key").unlink()
    assert "csrf-key: pages that browsers have open" in _refused(tmp_path, "admin", "replace-lost-keys")
    done = _run(tmp_path, "admin", "replace-lost-keys", "--yes")
    assert done.stdout == "made anew: csrf-key; ended: pages that browsers have open\n", done.stderr
    assert _run(tmp_path, "admin", "rotate-csrf-key").returncode == 0


def test_an_open_folder_is_refused(tmp_path: Path, sqlite_template: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    _migrated(folder, sqlite_template)
    folder.chmod(0o755)
    for command in ("up", "web", "worker"):
        assert f"{folder} is open to others than its owner (mode 0755): run 'chmod 700 {folder}'" in _refused(
            folder, command
        )
    assert sorted(path.name for path in folder.iterdir()) == ["pyharbor.db"]


def test_what_a_first_start_makes_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert _run(folder, "db", "upgrade").returncode == 0
    assert _run(folder, "admin", "rotate-csrf-key").returncode == 0
    modes = {path.relative_to(folder).as_posix(): path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {modes[name] for name in ("pyharbor.db", "secrets/csrf-key", "secrets/token-signing-key.pem")} == {0o600}
    assert modes["secrets"] == 0o700


def test_keys_make_a_private_data_folder(tmp_path: Path, sqlite_template: Path) -> None:
    url, folder = f"sqlite:///{_migrated(tmp_path, sqlite_template)}", tmp_path / "new" / "data"
    for _ in range(2):
        assert _run(folder, "admin", "rotate-csrf-key", HARBOR_DATABASE_URL=url).returncode == 0
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_second_supervisor_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    with (tmp_path / "run" / "up.lock").open("w") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = _refused(tmp_path, "up")
    assert "'pyharbor up' runs on it as process 4711" in said
    assert "HARBOR_DATA_DIR" in said
