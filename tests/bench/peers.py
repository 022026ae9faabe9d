"""distribution, the CNCF's registry, as a server under test."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.bench.authority import ISSUER, SERVICE, Authority
from tests.bench.client import Connection, UnexpectedAnswer
from tests.bench.process_tree import Part
from tests.bench.server import HOST
from tests.support.network import free_port

_READY_SECONDS = 20


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
    ours: bool = False

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

    def processes(self) -> Mapping[Part, Sequence[int]]:
        """One process."""
        assert self.process
        return {Part.WEB: [self.process.pid]}

    def token(self, *scopes: str, user: bool) -> str:
        """Sign one; it has no users and no projects to ask."""
        access: list[dict[str, object]] = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
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
