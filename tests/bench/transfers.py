"""Rows of large blobs: one layer in both directions, a hundred clients at once, a hundred slow ones."""

import socket
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

from tests.bench.client import Answer, Connection, UnexpectedAnswer
from tests.bench.content import Content, begin, finish, local
from tests.bench.metrics import Figures, Metric, p99
from tests.bench.server import HOST, pulling, pushing
from tests.bench.subject import REPOSITORY, TEN_MIB, Measure, Subject

GIB: Final = 1024**3
PULLERS: Final = 100
SLOW: Final = 50
"""Slow clients in each direction."""
_SLOW_RATE: Final = 50_000
_TICK: Final = 0.1
_BUFFER: Final = 4096
_TOGETHER_SECONDS: Final = 0.5

Send = Callable[[Connection, str, Content], Answer]


def chunked(connection: Connection, location: str, blob: Content) -> Answer:
    """PATCH as Docker does: chunks of 32 KiB, no length."""
    return connection.upload(location, memoryview(blob.octets))


def with_length(connection: Connection, location: str, blob: Content) -> Answer:
    """PATCH as most other clients do."""
    return connection.request("PATCH", location, blob.octets, kind="application/octet-stream")


def large_push(send: Send) -> Measure:
    """POST, one PATCH, an empty PUT."""

    def measure(subject: Subject) -> Figures:
        blob = subject.large = Content.random(subject.sizes.layer)
        digest = blob.digest
        with subject.connection() as connection:
            with subject.meter.measured(memory=True) as cost:
                started = time.perf_counter()
                location = begin(connection, REPOSITORY)
                patched = send(connection, location, blob).expect(202)
                patch = time.perf_counter() - started
                connection.request("PUT", finish(local(patched.headers["location"]), blob)).expect(201)
            stored = connection.request("HEAD", f"/v2/{REPOSITORY}/blobs/{digest}").expect(200)
        if int(stored.headers["content-length"]) != len(blob.octets):
            raise UnexpectedAnswer(f"pushed {len(blob.octets)} bytes, stored {stored.headers['content-length']}")
        return {
            Metric.SECONDS: cost.wall,
            Metric.PATCH_SECONDS: patch,
            **cost.figures(Metric.CPU_PER_GIB, GIB / len(blob.octets)),
            Metric.PEAK_MIB: cost.peak_mib,
        }

    return measure


def large_pull(subject: Subject) -> Figures:
    """GET of what was pushed last."""
    if subject.large is None:
        large_push(chunked)(subject)
    assert subject.large
    target = f"/v2/{REPOSITORY}/blobs/{subject.large.digest}"
    with subject.connection(user=False) as connection, subject.meter.measured(memory=True) as cost:
        length = connection.download(target)
    return {
        Metric.SECONDS: cost.wall,
        **cost.figures(Metric.CPU_PER_GIB, GIB / length),
        Metric.PEAK_MIB: cost.peak_mib,
    }


def pullers(subject: Subject) -> Figures:
    """A hundred connections are opened first; then all pull 10 MiB."""
    token = subject.server.token(pulling(REPOSITORY), user=False)
    target = f"/v2/{REPOSITORY}/blobs/{subject.medium.digest}"
    together = threading.Barrier(PULLERS + 1)

    def pull(_number: int) -> float:
        with subject.connected(token) as connection:
            together.wait()
            started = time.perf_counter()
            connection.download(target)
            return time.perf_counter() - started

    with ThreadPoolExecutor(PULLERS) as pool:
        results = [pool.submit(pull, number) for number in range(PULLERS)]
        time.sleep(_TOGETHER_SECONDS)
        with subject.meter.measured(memory=True) as cost:
            together.wait()
            times = [result.result() for result in results]
    gib = PULLERS * TEN_MIB / GIB
    return {
        Metric.GIB_PER_SECOND: gib / cost.wall,
        **cost.figures(Metric.CPU_PER_GIB, 1 / gib),
        Metric.PEAK_MIB: cost.peak_mib,
        Metric.P99: p99(times) * 1000,
    }


def slow(subject: Subject) -> Figures:
    """Fifty slow pulls and fifty slow pushes, and what ``GET /v2/`` of another client takes meanwhile."""
    token = subject.server.token(pushing(REPOSITORY), user=True)
    over = threading.Event()
    with ExitStack() as stack:
        pulls, pushes = _opened(subject, token, stack)
        other = stack.enter_context(subject.connected(token))
        trickle = threading.Thread(target=_trickle, args=(pulls, pushes, over))
        times = []
        with subject.meter.measured(memory=True) as cost:
            trickle.start()
            try:
                end = time.perf_counter() + 2 * subject.sizes.seconds
                while (started := time.perf_counter()) < end:
                    other.request("GET", "/v2/").expect(200)
                    times.append(time.perf_counter() - started)
                    time.sleep(0.01)
            finally:
                over.set()
                trickle.join()
    return {
        Metric.MS: statistics.median(times) * 1000,
        Metric.P99: p99(times) * 1000,
        **cost.figures(Metric.CPU_PER_SECOND, 1000 / cost.wall),
        Metric.PEAK_MIB: cost.peak_mib,
    }


def _opened(subject: Subject, token: str, stack: ExitStack) -> tuple[list[socket.socket], list[socket.socket]]:
    connection = stack.enter_context(subject.connected(token))
    pull = f"GET /v2/{REPOSITORY}/blobs/{subject.medium.digest}"
    heads = [(pull, "")] * SLOW
    heads += [(f"PATCH {begin(connection, REPOSITORY)}", f"Content-Length: {TEN_MIB}\r\n") for _ in range(SLOW)]
    opened = []
    for line, header in heads:
        made = stack.enter_context(socket.socket())
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        made.connect((HOST, subject.server.port))
        made.sendall(f"{line} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n{header}\r\n".encode())
        made.settimeout(0)
        opened.append(made)
    return opened[:SLOW], opened[SLOW:]


def _trickle(pulls: Sequence[socket.socket], pushes: Sequence[socket.socket], over: threading.Event) -> None:
    piece = bytes(int(_SLOW_RATE * _TICK))
    while not over.wait(_TICK):
        for connection in pulls:
            try:
                connection.recv(len(piece))
            except BlockingIOError:
                continue
        for connection in pushes:
            try:
                connection.send(piece)
            except BlockingIOError:
                continue
