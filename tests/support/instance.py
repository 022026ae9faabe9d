"""A whole PyHarbor as a person runs it: ``pyharbor up`` on free loopback ports with a data folder of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import httpx

from tests.support.network import free_port
from tests.support.processes import command_line, descendants

PASSWORD = "Harbor12345test"
_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0


@dataclass(kw_only=True)
class Instance:
    """One running installation; ``folder`` is its data folder, ``log`` what it printed."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    temporal_port: int = field(default_factory=free_port)
    ui_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """Host and port, as in an image's name."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}"

    @property
    def log(self) -> Path:
        """What it printed, over all its starts."""
        return self.folder.with_name(self.folder.name + ".log")

    @property
    def variables(self) -> dict[str, str]:
        """The HARBOR_* settings that it runs with."""
        return {
            "HARBOR_DATA_DIR": str(self.folder),
            "HARBOR_PORT": str(self.port),
            "HARBOR_TEMPORAL_PORT": str(self.temporal_port),
            "HARBOR_TEMPORAL_UI_PORT": str(self.ui_port),
            "HARBOR_TEMPORAL_BINARY": os.environ.get("PYHARBOR_TEMPORAL_BIN", "temporal"),
            "HARBOR_ADMIN_PASSWORD": PASSWORD,
            "HARBOR_LOG_FORMAT": "json",
            **self.environment,
        }

    def start(self) -> "Instance":
        """Start it and wait until it is ready; AssertionError with the log when it is not within a minute."""
        with self.log.open("ab") as out:
            self.process = self._spawned(out)
        self._wait_until_ready()
        return self

    def stop(self) -> int:
        """Stop it as a service manager would and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise

    def pids(self, program: str) -> list[int]:
        """The processes of this instance whose command line holds ``program``, say ``gunicorn``."""
        assert self.process is not None
        return [pid for pid in descendants(self.process.pid) if program in command_line(pid)]

    def client(self, username: str = "admin", password: str = PASSWORD) -> httpx.Client:
        """An HTTP client with basic credentials; close it."""
        return httpx.Client(base_url=self.url, auth=(username, password), timeout=60)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a ``pyharbor`` command on this instance's settings."""
        environment = os.environ | self.variables
        command = [sys.executable, "-m", "app.cli", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)

    def _spawned(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up"],
            env=os.environ | self.variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/api/v2.0/ping", timeout=5).is_success:
                    return
            time.sleep(0.1)
        text = self.log.read_text(errors="replace")[-8000:]
        if self.process.poll() is None:
            self.stop()
        raise AssertionError(f"the instance did not become ready (exit code {self.process.poll()}):\n{text}")


@contextlib.contextmanager
def running(folder: Path, **environment: str) -> Iterator[Instance]:
    """An instance that is started, and stopped at the end; ``environment`` are HARBOR_* settings."""
    instance = Instance(folder=folder, environment=environment)
    instance.start()
    try:
        yield instance
    finally:
        instance.stop()
