"""GET load by wrk: one thread, eight connections."""

import re
import subprocess

from tests.bench.client import ACCEPT, Connection, UnexpectedAnswer
from tests.bench.metrics import Figures, Metric
from tests.bench.process_tree import measured
from tests.bench.servers import HOST, Server

_CONNECTIONS = 8
_WARM_UP = 32
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def load(server: Server, target: str, token: str, seconds: int) -> Figures:
    """Ask for the target as fast as the server answers; UnexpectedAnswer when an answer is no success."""
    with Connection(HOST, server.port, token) as connection:
        for _ in range(_WARM_UP):
            connection.request("GET", target).expect(200)
    command = [
        "wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--latency",
        "-H", f"Authorization: Bearer {token}", "-H", f"Accept: {ACCEPT}",
        f"http://{HOST}:{server.port}{target}",
    ]  # fmt: skip
    with measured(server.pids) as cost:
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return _read(output, cost.cpu)


def _read(output: str, cpu: float) -> Figures:
    if found := re.search(r"Non-2xx or 3xx responses: .*|Socket errors: .*", output):
        raise UnexpectedAnswer(found[0])
    requests = re.search(r"(\d+) requests in", output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", output)
    if not (requests and rate and p99):
        raise UnexpectedAnswer(f"wrk says {output!r}")
    return {
        Metric.RATE: float(rate[1]),
        Metric.CPU_US: cpu / int(requests[1]) * 1_000_000,
        Metric.P99: float(p99[1]) * _MS[p99[2]],
    }
