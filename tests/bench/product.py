"""PyHarbor as ``make up`` runs it, on SQLite or on PostgreSQL, as a server under test."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

import httpx
import sqlalchemy as sa

from app.artifacts.models import Repository, Tag
from app.db.database import Database
from tests.bench.authority import SERVICE
from tests.bench.process_tree import Part
from tests.support.instance import PASSWORD, Instance
from tests.support.postgres import Cluster, cluster
from tests.support.processes import command_line, descendants

_ROOT = Path(__file__).parents[2]
_SETTLE_SECONDS = 3
_TAGS_PER_STATEMENT = 5000
_FOR_MAKE_ALONE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
"""What a ``make`` that runs this program tells those that it starts."""
_BACKGROUND = ("workflows.worker", "start-dev")


@dataclass(kw_only=True)
class MadeInstance(Instance):
    """An installation started by ``make up``, whose output goes through a pipe that another program reads."""

    reader: subprocess.Popen[bytes] | None = None

    def stop(self) -> int:
        """Stop it, and its reader, which has nothing more to read."""
        code = super().stop()
        if self.reader:
            self.reader.wait(_SETTLE_SECONDS)
        return code

    def _spawned(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        variables = {name: value for name, value in os.environ.items() if name not in _FOR_MAKE_ALONE}
        self.reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log, start_new_session=True)
        assert self.reader.stdin
        with self.reader.stdin as pipe:
            return subprocess.Popen(
                ["make", "up"],
                cwd=_ROOT,
                env=variables | self.variables,
                stdin=subprocess.DEVNULL,
                stdout=pipe,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@dataclass(slots=True, kw_only=True)
class PyHarbor:
    """Our own server, exactly as a person starts it: access log, audit and pull counts are on."""

    name: str
    folder: Path
    postgres: bool = False
    ours: bool = True
    _instance: MadeInstance | None = None
    _cluster: Cluster | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def port(self) -> int:
        """On loopback."""
        return self.instance.port

    @property
    def instance(self) -> MadeInstance:
        """What runs."""
        assert self._instance
        return self._instance

    def start(self) -> None:
        """Start web, worker and Temporal, before them a PostgreSQL of its own where it needs one."""
        environment = {"HARBOR_LOG_FORMAT": os.environ.get("HARBOR_LOG_FORMAT", "console")}
        if self.postgres:
            self._cluster = self._stack.enter_context(cluster(durable=True))
            environment["HARBOR_DATABASE_URL"] = self._cluster.url(self._cluster.create())
        self._instance = MadeInstance(folder=self.folder, environment=environment)
        self._instance.start()
        time.sleep(_SETTLE_SECONDS)  # the worker registers its schedules and Temporal settles

    def stop(self) -> None:
        """Stop all of it."""
        with self._stack:
            if self._instance and self._instance.process:
                self._instance.stop()

    def version(self) -> str:
        """The commit and the settings that matter."""
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
        environment = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("HARBOR_")]
        workers = f"{len(self.instance.pids('gunicorn')) - 1} gunicorn workers"
        database = "PostgreSQL, fsync on" if self.postgres else "SQLite"
        return ", ".join((f"commit {commit.stdout.strip() or 'unknown'}", workers, database, *environment))

    def processes(self) -> Mapping[Part, Sequence[int]]:
        """Web, the supervisor with what is above it, worker and Temporal, and PostgreSQL where there is one."""
        assert self.instance.process
        parts: dict[Part, list[int]] = {Part.WEB: [], Part.CARRIERS: [self.instance.process.pid], Part.BACKGROUND: []}
        for pid in descendants(self.instance.process.pid):
            command = command_line(pid)
            if "gunicorn" in command:
                parts[Part.WEB].append(pid)
            elif any(program in command for program in _BACKGROUND):
                parts[Part.BACKGROUND].append(pid)
            else:
                parts[Part.CARRIERS].append(pid)
        if self._cluster:
            parts[Part.DATABASE] = [self._cluster.pid, *descendants(self._cluster.pid)]
        return parts

    def token(self, *scopes: str, user: bool) -> str:
        """Ask our own token service."""
        query = urlencode([("service", SERVICE), *(("scope", scope) for scope in scopes)])
        auth = ("admin", PASSWORD) if user else None
        answer = httpx.get(f"{self.instance.url}/service/token?{query}", auth=auth, timeout=60)
        answer.raise_for_status()
        token: str = answer.json()["token"]
        return token

    def add_tags(self, repository: str, template: str, names: Sequence[str]) -> None:
        """Insert the rows straight into the database."""
        database = Database(
            self.instance.environment.get("HARBOR_DATABASE_URL", f"sqlite:///{self.folder}/pyharbor.db")
        )
        now = datetime.now(UTC)
        with database.write() as session:
            row = session.execute(
                sa.select(Tag.repository_id, Tag.artifact_id)
                .join(Repository, Repository.id == Tag.repository_id)
                .where(Repository.name == repository, Tag.name == template)
            ).one()
            for start in range(0, len(names), _TAGS_PER_STATEMENT):
                rows = [
                    {"repository_id": row.repository_id, "artifact_id": row.artifact_id, "name": name, "push_time": now}
                    for name in names[start : start + _TAGS_PER_STATEMENT]
                ]
                session.execute(sa.insert(Tag), rows)
        database.dispose()
