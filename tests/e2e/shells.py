"""Command lines of other people's clients, each with a home of its own."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.programs import output, program, run
from tests.support.instance import PASSWORD, Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A person's command line: one program, a home of its own, flags that go behind every command."""

    name: str
    home: Path
    flags: tuple[str, ...] = ()

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command whatever comes of it."""
        home = str(self.home)
        environment = {"HOME": home, "DOCKER_CONFIG": home, "XDG_RUNTIME_DIR": home}
        command = [program(self.name), *arguments, *self.flags]
        return run(command, environment=environment, folder=self.home, stdin=stdin)

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that must succeed and return what it printed."""
        return output(self.run(*arguments, stdin=stdin))

    def refused(self, *arguments: str) -> str:
        """Run a command that must fail and return its complaint."""
        done = self.run(*arguments)
        assert done.returncode != 0, done.stdout
        return done.stderr


def crane_of(instance: Instance, home: Path) -> Shell:
    """Crane with the administrator logged in."""
    crane = Shell(name="crane", home=home)
    crane("auth", "login", instance.host, "--username", "admin", "--password-stdin", stdin=PASSWORD)
    return crane


def skopeo_of(instance: Instance, home: Path) -> Shell:
    """Skopeo with the administrator logged in."""
    skopeo = Shell(name="skopeo", home=home, flags=(f"--authfile={home / 'skopeo.json'}",))
    skopeo("login", "--tls-verify=false", "--username=admin", "--password-stdin", instance.host, stdin=PASSWORD)
    return skopeo


class Buildah:
    """buildah with storage of its own, which needs no kernel support."""

    def __init__(self, instance: Instance, home: Path) -> None:
        """Make the folders and log the administrator in."""
        self._shell = Shell(name="buildah", home=home)
        self._options = (
            "--storage-driver=vfs",
            f"--root={new_folder(home, 'storage')}",
            f"--runroot={new_folder(home, 'runroot')}",
            f"--registries-conf={_written(home, 'registries.conf', '')}",
        )
        self._policy = _written(home, "policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}')
        self._authfile = home / "buildah.json"
        self("login", "--tls-verify=false", "--username=admin", "--password-stdin", instance.host, stdin=PASSWORD)

    def __call__(self, command: str, *arguments: str, stdin: str = "") -> str:
        """Run a command that must succeed and return what it printed."""
        remote = [f"--authfile={self._authfile}"] if command in {"login", "pull", "push", "from", "commit"} else []
        if command in {"pull", "push", "from", "commit"}:
            remote.append(f"--signature-policy={self._policy}")
        return self._shell(*self._options, command, *remote, *arguments, stdin=stdin)


def new_folder(parent: Path, name: str) -> str:
    """Make a folder and return its path."""
    (parent / name).mkdir()
    return str(parent / name)


def _written(parent: Path, name: str, text: str) -> Path:
    path = parent / name
    path.write_text(text, encoding="utf-8")
    return path
