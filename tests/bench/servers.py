"""The servers under test behind one protocol: PyHarbor as ``pyharbor up`` runs it, and distribution 2.8 and 3.1."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import httpx
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from app.artifacts.models import Repository, Tag
from app.db.database import Database
from tests.bench.authority import ISSUER, SERVICE, Authority, libtrust_key_id, thumbprint_key_id
from tests.bench.client import Connection, UnexpectedAnswer
from tests.support.instance import PASSWORD, Instance
from tests.support.network import free_port

HOST = "127.0.0.1"
OURS = "pyharbor"
_READY_SECONDS = 20
_TAGS_PER_STATEMENT = 5000


class Server(Protocol):
    """A running registry that has the project ``library``, public."""

    @property
    def name(self) -> str:
        """As in the report."""

    @property
    def port(self) -> int:
        """On loopback."""

    def start(self) -> None:
        """Start it and wait until it answers."""

    def stop(self) -> None:
        """Stop it; its folder stays."""

    def version(self) -> str:
        """What it says it is."""

    def pids(self) -> Sequence[int]:
        """The processes that work for a request: what the CPU and memory figures are of."""

    def other_pids(self) -> Sequence[int]:
        """Further processes of the installation."""

    def token(self, repository: str | None, *, user: bool) -> str:
        """A bearer token for the repository: a user's pulls and pushes, nobody's only pulls."""

    def add_tags(self, repository: str, template: str, names: Sequence[str]) -> None:
        """Store tags behind the server's back, all for the artifact that the tag ``template`` is for."""


@dataclass(slots=True, kw_only=True)
class PyHarbor:
    """Our own server, exactly as a person starts it: access log, audit and pull counts are on."""

    instance: Instance
    name: str = OURS
    _pids: list[int] = field(default_factory=list)

    @property
    def port(self) -> int:
        """On loopback."""
        return self.instance.port

    def start(self) -> None:
        """Start web, worker and Temporal."""
        self.instance.start()
        time.sleep(3)  # the worker registers its schedules and Temporal settles
        assert self.instance.process
        self._pids = [self.instance.process.pid, *self.instance.pids("gunicorn")]

    def stop(self) -> None:
        """Stop all of it."""
        if self.instance.process:
            self.instance.stop()

    def version(self) -> str:
        """The commit and the settings that matter."""
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
        environment = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("HARBOR_")]
        workers = f"{len(self._pids) - 2} gunicorn workers"
        return ", ".join((f"commit {commit.stdout.strip() or 'unknown'}", workers, "SQLite", *environment))

    def pids(self) -> Sequence[int]:
        """The master and the workers of gunicorn, and the supervisor."""
        return self._pids

    def other_pids(self) -> Sequence[int]:
        """Worker and Temporal."""
        return [pid for pid in self.instance.pids("") if pid not in self._pids]

    def token(self, repository: str | None, *, user: bool) -> str:
        """Ask our own token service."""
        target = f"/service/token?service={SERVICE}"
        if repository:
            target += "&scope=" + quote(f"repository:{repository}:pull" + (",push" if user else ""))
        answer = httpx.get(self.instance.url + target, auth=("admin", PASSWORD) if user else None, timeout=60)
        answer.raise_for_status()
        token: str = answer.json()["token"]
        return token

    def add_tags(self, repository: str, template: str, names: Sequence[str]) -> None:
        """Insert the rows straight into the database file."""
        database = Database(f"sqlite:///{self.instance.folder}/pyharbor.db")
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


@dataclass(slots=True, kw_only=True)
class Distribution:
    """The CNCF's registry on its filesystem driver, with a token check, without access log."""

    name: str
    binary: Path
    folder: Path
    authority: Authority
    key_id: Callable[[RSAPublicKey], str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Write its configuration, start it, wait for its answer."""
        self.folder.mkdir(parents=True)
        path = self.folder / "config.yml"
        path.write_text(json.dumps(self._configuration()), encoding="utf-8")
        environment = os.environ | {"OTEL_TRACES_EXPORTER": "none"}  # as its own image sets it
        with (self.folder / "log").open("wb") as out:
            self.process = subprocess.Popen(
                [self.binary, "serve", path], env=environment, stdout=out, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), Connection(HOST, self.port) as connection:
                connection.request("GET", "/v2/").expect(401)
                return
            time.sleep(0.05)
        raise UnexpectedAnswer(f"{self.name} does not start: {(self.folder / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        """Stop it."""
        if self.process:
            self.process.terminate()
            self.process.wait(20)

    def version(self) -> str:
        """As the program prints it."""
        out = subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=True).stdout.split()
        return f"{out[-1]}, in-memory descriptor cache"

    def pids(self) -> Sequence[int]:
        """One process."""
        assert self.process
        return [self.process.pid]

    def other_pids(self) -> Sequence[int]:
        """None."""
        return []

    def token(self, repository: str | None, *, user: bool) -> str:
        """Sign one; it has no users and no projects to ask."""
        actions = ["pull", "push"] if user else ["pull"]
        access: list[dict[str, object]] = []
        if repository:
            access.append({"type": "repository", "name": repository, "actions": actions})
        return self.authority.token("admin" if user else "", access, self.key_id(self.authority.key.public_key()))

    def add_tags(self, repository: str, template: str, names: Sequence[str]) -> None:
        """Make each tag's folder, which is all that a list reads; once, the other peers' folder leads there."""
        tags = self.folder / "storage/docker/registry/v2/repositories" / repository / "_manifests/tags"
        shared = self.folder.parent / "tags"
        if not shared.exists():
            shared.mkdir()
            for name in (template, *names):
                os.mkdir(f"{shared}/{name}")  # noqa: PTH102 - a hundred thousand times
        shutil.rmtree(tags)
        tags.symlink_to(shared)

    def _configuration(self) -> dict[str, object]:
        return {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "storage")},
                "cache": {"blobdescriptor": "inmemory"},
                "delete": {"enabled": True},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "http": {"addr": f"{HOST}:{self.port}", "secret": "bench"},
            "auth": {
                "token": {
                    "realm": f"http://{HOST}:{self.port}/token",
                    "service": SERVICE,
                    "issuer": ISSUER,
                    "rootcertbundle": str(self.authority.certificate),
                }
            },
        }


def servers(folder: Path) -> dict[str, Callable[[], Server]]:
    """Every server by its name, ours first; those whose program is missing are left out."""
    authority = Authority.create(folder)
    made: dict[str, Callable[[], Server]] = {
        OURS: lambda: PyHarbor(instance=Instance(folder=folder / OURS)),
    }
    programs = (
        ("distribution 3.1", os.environ.get("PYHARBOR_REGISTRY_BIN"), thumbprint_key_id),
        ("distribution 2.8", shutil.which("docker-registry"), libtrust_key_id),
    )
    for name, binary, key_id in programs:
        if binary:
            made[name] = _distribution(name, Path(binary), folder, authority, key_id)
    return made


def _distribution(
    name: str, binary: Path, folder: Path, authority: Authority, key_id: Callable[[RSAPublicKey], str]
) -> Callable[[], Server]:
    return lambda: Distribution(
        name=name, binary=binary, folder=folder / name.replace(" ", "-"), authority=authority, key_id=key_id
    )
