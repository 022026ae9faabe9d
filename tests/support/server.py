"""A real web server for the tests: gunicorn as in production, on loopback and a free port."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.cli.processes import MALLOC
from tests.support.network import free_port

_ROOT = Path(__file__).parents[2]
_CONFIGURATION = _ROOT / "deploy" / "gunicorn.py"
_START_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveServer:
    """A running server, its address, and a client of it."""

    url: str
    port: int
    pid: int
    """Of gunicorn's arbiter, the leader of a process group of its own."""
    log: Path
    client: httpx.Client


@contextmanager
def serve(environment: Mapping[str, str], log: Path, *, workers: int = 2) -> Iterator[LiveServer]:
    """Run gunicorn over an installation whose database is migrated; stopped at the end, whatever happened.

    Its external URL is where it listens, unless the environment has an empty one.
    """
    port = free_port()
    url = f"http://{'[::1]' if environment.get('HARBOR_HOST') == '::1' else '127.0.0.1'}:{port}"
    variables = {
        "HARBOR_HOST": "127.0.0.1",
        "HARBOR_WEB_WORKERS": str(workers),
        "HARBOR_WEB_THREADS": "16",
        **environment,
        "HARBOR_PORT": str(port),
    }
    if environment.get("HARBOR_EXTERNAL_URL", url):
        variables["HARBOR_EXTERNAL_URL"] = url
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", str(_CONFIGURATION), "app.wsgi:create()"],
            cwd=_ROOT,
            env={"GLIBC_TUNABLES": MALLOC, **os.environ, **variables},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        with httpx.Client(base_url=url, timeout=30) as client:
            _wait(process, client, log)
            yield LiveServer(url=url, port=port, pid=process.pid, log=log, client=client)
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], client: httpx.Client, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.get("/v2/")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    message = f"the server did not start: {log.read_text(errors='replace')[-4000:]}"
    raise RuntimeError(message)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
