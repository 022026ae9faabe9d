"""A PostgreSQL cluster for the tests: made with initdb, loopback only, gone when they end."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.network import free_port

_DEFAULT_FOLDER = "/usr/lib/postgresql/15/bin"
_START_SECONDS = 60
_INITDB_OPTIONS = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
}
_HASTY = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A running cluster; ``postgres`` without a password may everything on it."""

    port: int
    pid: int
    """Of the server, whose children serve the connections."""

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def create(self, template: str | None = None) -> str:
        """Make a database of a new name, as a copy of ``template``, and return the name."""
        name = f"test_{secrets.token_hex(6)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template0"}" STRATEGY FILE_COPY')
        return name

    def drop(self, name: str) -> None:
        """Remove a database and cut what is still connected to it."""
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        address = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Make and start a cluster, stop and remove it at the end. Root's tests run it as the user ``postgres``.

    One that is ``durable`` waits for the disk as an installation's does.
    """
    programs = _programs()
    owner = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pyharbor-postgres-"))
    try:
        if owner:
            shutil.chown(folder, owner)
        _initdb(programs, folder, owner)
        port = free_port()
        server = _start(programs, folder, owner, port, _OPTIONS if durable else _OPTIONS | _HASTY)
        try:
            _wait(server, port, folder)
            yield Cluster(port=port, pid=server.pid)
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    folder = Path(os.environ.get("PYHARBOR_POSTGRES_BIN") or _DEFAULT_FOLDER)
    if not (folder / "initdb").exists():
        message = f"no PostgreSQL under {folder}. Run: apt-get install postgresql, or set PYHARBOR_POSTGRES_BIN"
        raise RuntimeError(message)
    return folder


def _initdb(programs: Path, folder: Path, owner: str | None) -> None:
    command = [str(programs / "initdb"), "-D", str(folder / "data"), *_INITDB_OPTIONS]
    user, group, groups = _identity(owner)
    subprocess.run(command, check=True, capture_output=True, cwd="/", user=user, group=group, extra_groups=groups)


def _start(
    programs: Path, folder: Path, owner: str | None, port: int, options: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    user, group, groups = _identity(owner)
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=groups,
        )


def _identity(owner: str | None) -> tuple[int | None, int | None, list[int] | None]:
    if owner is None:
        return None, None, None
    entry = pwd.getpwnam(owner)
    return entry.pw_uid, entry.pw_gid, []


def _wait(server: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user=postgres dbname=postgres connect_timeout=2").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    message = f"PostgreSQL did not start: {(folder / 'log').read_text(errors='replace')[-2000:]}"
    raise RuntimeError(message)
