"""The programs that these tests drive; one that is missing fails the test and names the command that installs it."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_INSTALL = {
    "buildah": "deploy/tools/system.sh clients",
    "chromium": "deploy/tools/system.sh browser",
    "crane": "deploy/tools/go-tool.sh crane",
    "debootstrap": "deploy/tools/system.sh docker",
    "docker": "deploy/tools/system.sh docker",
    "dockerd": "deploy/tools/system.sh docker",
    "helm": "deploy/tools/go-tool.sh helm",
    "oras": "deploy/tools/go-tool.sh oras",
    "skopeo": "deploy/tools/system.sh clients",
    "temporal": "deploy/tools/go-tool.sh temporal",
}
_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


def program(name: str) -> str:
    """The path of a program, from ``PYHARBOR_<NAME>_BIN`` or the search path; AssertionError tells how to get it."""
    found = os.environ.get(f"PYHARBOR_{name.upper()}_BIN") or shutil.which(name, path=_PATH)
    assert found, f"{name} is missing. Run: {_INSTALL[name]}, or the whole suite with: make e2e"
    return found


def run(
    command: list[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: str = "",
    seconds: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever comes of it, with ``environment`` on top of ours."""
    return subprocess.run(
        command,
        env=os.environ | {"PATH": _PATH, **(environment or {})},
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


def output(done: subprocess.CompletedProcess[str]) -> str:
    """What a command printed, without surrounding blanks; AssertionError with all of it when it failed."""
    assert done.returncode == 0, f"{' '.join(done.args)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()
