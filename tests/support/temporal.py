"""A Temporal server for the tests: the dev server with a database file, on free loopback ports."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.support.network import free_port

_BUILD = "deploy/tools/go-tool.sh temporal"
_START_SECONDS = 40


def binary() -> str:
    """The path of the server; AssertionError with the command that builds it when there is none."""
    known = Path.home() / ".cache/pyharbor/tools/temporal"
    candidates = [
        os.environ.get("PYHARBOR_TEMPORAL_BIN", ""),
        shutil.which("temporal") or "",
        *map(str, known.glob("*/temporal")),
    ]
    found = next((path for path in candidates if path and Path(path).is_file()), None)
    assert found, f"there is no Temporal server: set PYHARBOR_TEMPORAL_BIN to what '{_BUILD}' prints"
    return found


class TemporalServer:
    """One server over one database file; it can be stopped, killed and started again on the same port."""

    def __init__(self, folder: Path, **limits: int) -> None:
        """``limits`` are values of the server's dynamic configuration, with ``_`` for the dots of their names."""
        self._limits = [f"{name.replace('_', '.')}={value}" for name, value in limits.items()]
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it accepts connections."""
        command = [binary(), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(self.port)]
        options = [
            "--http-port",
            str(free_port()),
            "--log-level",
            "error",
            "--db-filename",
            str(self._folder / "temporal.db"),
            *(part for limit in self._limits for part in ("--dynamic-config-value", limit)),
        ]
        with (self._folder / "temporal.log").open("ab") as log:
            self._process = subprocess.Popen([*command, *options], stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + _START_SECONDS
        while not _accepts(self.port):
            assert self._process.poll() is None, (self._folder / "temporal.log").read_text()
            assert time.monotonic() < deadline, "the Temporal server did not come up"
            time.sleep(0.1)

    def send(self, number: int) -> None:
        """Send a signal that does not end it: ``SIGSTOP`` for a server that hangs, ``SIGCONT`` for its end."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it; ``SIGKILL`` for a crash."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
