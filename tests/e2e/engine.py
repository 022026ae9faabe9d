"""A Docker engine of these tests alone: own folders and socket, no network, no registry behind it but ours."""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.programs import output, program, run

_START_SECONDS = 60
_DRIVERS = ("overlay2", "vfs")
_WITHOUT_NETWORK = (
    "--bridge=none",
    "--iptables=false",
    "--ip6tables=false",
    "--ip-forward=false",
    "--ip-masq=false",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker:
    """A person's ``docker`` command: one engine, one folder of remembered logins."""

    socket: Path
    config: Path

    @property
    def address(self) -> str:
        """The engine's address."""
        return f"unix://{self.socket}"

    def run(self, *arguments: str, stdin: str = "", seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command whatever comes of it."""
        environment = {"DOCKER_HOST": self.address, "DOCKER_CONFIG": str(self.config), "DOCKER_BUILDKIT": "0"}
        return run([program("docker"), *arguments], environment=environment, stdin=stdin, seconds=seconds)

    def __call__(self, *arguments: str, stdin: str = "", seconds: float = 300) -> str:
        """Run a command that must succeed and return what it printed."""
        return output(self.run(*arguments, stdin=stdin, seconds=seconds))

    def login(self, host: str, username: str, password: str) -> None:
        """Log in; AssertionError when it is refused."""
        self("login", host, "--username", username, "--password-stdin", stdin=password)

    def image_id(self, name: str) -> str:
        """The id of a local image, which is the digest of its configuration."""
        return self("image", "inspect", "--format", "{{.Id}}", name)

    def has(self, name: str) -> bool:
        """Whether the engine holds an image of this name or id."""
        return self.run("image", "inspect", name).returncode == 0

    def forget_everything(self) -> None:
        """Remove every image, so that the next pull fetches every layer."""
        images = dict.fromkeys(self("image", "ls", "--all", "--quiet", "--no-trunc").split())
        if images:
            self.run("image", "rm", "--force", *images)  # a parent goes with its last child and is not there any more
        assert not self("image", "ls", "--all", "--quiet")

    def other_person(self) -> "Docker":
        """The same engine with no login."""
        folder = self.config.with_name(f"config-{secrets.token_hex(4)}")
        folder.mkdir()
        return Docker(socket=self.socket, config=folder)


@contextmanager
def engine() -> Iterator[Docker]:
    """Start an engine, with overlay2 where the file system can and vfs else; stop and remove it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pyharbor-docker-"))
    docker = Docker(socket=folder / "socket", config=folder / "config")
    docker.config.mkdir()
    server = _start(docker, folder)
    try:
        yield docker
    finally:
        _stop(server)
        shutil.rmtree(folder)


def _start(docker: Docker, folder: Path) -> subprocess.Popen[bytes]:
    log = folder / "log"
    for driver in _DRIVERS:
        command = [
            program("dockerd"),
            f"--data-root={folder / driver}",
            f"--exec-root={folder / 'exec'}",
            f"--pidfile={folder / 'pid'}",
            f"--host={docker.address}",
            f"--storage-driver={driver}",
            *_WITHOUT_NETWORK,
        ]
        with log.open("ab") as out:
            server = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
        if _answers(docker, server):
            return server
        _stop(server)
    raise AssertionError(f"no Docker engine starts here as user {os.geteuid()}: {log.read_text()[-3000:]}")


def _answers(docker: Docker, server: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if docker.run("version", seconds=20).returncode == 0:
            return True
        time.sleep(0.2)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
