"""A worker for the tests: a process of its own, which can be stopped in order or killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_STOP_SECONDS = 20


class WorkerProcess:
    """``python -m workflows.worker`` over an installation, or another ``module`` that runs one.

    Each deletion of bytes takes ``delete_seconds`` longer.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        log: Path,
        *,
        delete_seconds: float = 0,
        module: str = "workflows.worker",
    ) -> None:
        self._program = ["tests.support.slow_worker", str(delete_seconds)] if delete_seconds else [module]
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it printed, over all its starts."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        """The process's id; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; it needs no Temporal to live."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._program],
                cwd=_ROOT,
                env={**os.environ, **self._environment},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def stop(self) -> int:
        """Stop it as a supervisor would and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
            raise

    def kill(self) -> None:
        """``kill -9``."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(5)
