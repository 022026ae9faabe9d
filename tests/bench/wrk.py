"""GET load by wrk: one thread, eight connections."""

import re
import subprocess

from tests.bench.client import ACCEPT, Connection, UnexpectedAnswer
from tests.bench.metrics import Figures, Metric
from tests.bench.process_tree import Cost
from tests.bench.server import HOST
from tests.bench.subject import Subject

_CONNECTIONS = 8
_WARM_UP = 32
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def load(subject: Subject, target: str, token: str, *headers: str, accept: str = "") -> Figures:
    """Ask for the target as fast as the server answers; UnexpectedAnswer when an answer is no success."""
    warm_up(subject, target, token, *headers, accept=accept)
    with subject.meter.measured() as cost:
        output = run(subject, target, token, *headers, accept=accept)
    return figures(output, cost)


def warm_up(subject: Subject, target: str, token: str, *headers: str, accept: str = "") -> None:
    """Ask a few times, and see that the answer is a success."""
    given = dict(line.split(": ") for line in headers) | ({"Accept": accept} if accept else {})
    with Connection(HOST, subject.server.port, token, headers=given) as connection:
        for _ in range(_WARM_UP):
            connection.request("GET", target).expect(304 if headers else 200)


def run(subject: Subject, target: str, token: str, *headers: str, accept: str = "") -> str:
    """Run wrk and return what it prints."""
    lines = (f"Authorization: Bearer {token}", f"Accept: {accept or ACCEPT}", *headers)
    command = [
        "wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{subject.sizes.seconds}s", "--latency",
        *(part for line in lines for part in ("-H", line)),
        f"http://{HOST}:{subject.server.port}{target}",
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def figures(output: str, cost: Cost) -> Figures:
    """Rate, CPU per request and p99 from what wrk printed; UnexpectedAnswer when an answer was no success."""
    if found := re.search(r"Non-2xx or 3xx responses: .*|Socket errors: .*", output):
        raise UnexpectedAnswer(found[0])
    requests = re.search(r"(\d+) requests in", output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", output)
    if not (requests and rate and p99):
        raise UnexpectedAnswer(f"wrk says {output!r}")
    return {
        Metric.RATE: float(rate[1]),
        **cost.figures(Metric.CPU_US, 1_000_000 / int(requests[1])),
        Metric.P99: float(p99[1]) * _MS[p99[2]],
    }
