"""The rows of the comparison: each measures one thing on one server and returns its figures."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.bench.client import Connection, UnexpectedAnswer
from tests.bench.content import Content, Image, begin, finish, local, push_blob
from tests.bench.metrics import Figures, Metric
from tests.bench.process_tree import measured, private_mib
from tests.bench.servers import HOST, Server
from tests.bench.wrk import load

REPOSITORY: Final = "library/bench"
MANY: Final = "library/many"
_TEN_MIB: Final = 10 * 1024 * 1024
_GIB: Final = 1024**3
_PULLERS: Final = 100
_PUSHERS: Final = 8
_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    seconds: int
    """Of each run of wrk."""
    layer: int
    """Bytes of the large layer."""
    images: int
    """Small images pushed one after the other, and twice as many by the eight clients."""
    tags: int


@dataclass(slots=True, kw_only=True)
class Subject:
    """A server with what was prepared on it."""

    server: Server
    sizes: Sizes
    image: Image = field(default_factory=lambda: Image.random(layers=12))
    small: Content = field(default_factory=lambda: Content.random(2048))
    medium: Content = field(default_factory=lambda: Content.random(_TEN_MIB))
    large: Content | None = None
    filled: bool = False

    def prepare(self) -> None:
        """Push what the rows pull."""
        with self.connection() as connection:
            self.image.push(connection, REPOSITORY, "latest")
            push_blob(connection, REPOSITORY, self.small)
            push_blob(connection, REPOSITORY, self.medium)

    @contextmanager
    def connection(self, repository: str | None = REPOSITORY, *, user: bool = True) -> Iterator[Connection]:
        """A new connection with a token."""
        with Connection(HOST, self.server.port, self.server.token(repository, user=user)) as connection:
            yield connection


Measure = Callable[[Subject], Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that is measured; ``name`` selects it on the command line."""

    name: str
    title: str
    measure: Measure


def rows(sizes: Sizes) -> tuple[Row, ...]:
    """All of them, in the order of the report."""
    size = f"{sizes.layer / _GIB:g} GiB"
    pages = f"first page ({_PAGE}) of {sizes.tags:,} tags"
    return (
        Row(name="idle", title="idle", measure=_idle),
        Row(name="ping", title="GET /v2/, user's token", measure=_ping),
        Row(name="digest-anonymous", title="manifest by digest, anonymous token", measure=_by_digest(user=False)),
        Row(name="digest-user", title="manifest by digest, user's token", measure=_by_digest(user=True)),
        Row(name="tag", title="manifest by tag, anonymous token", measure=_by_tag),
        Row(name="blob", title="blob of 2 kB, anonymous token", measure=_small_blob),
        Row(name="tags", title=pages, measure=_first_page),
        Row(name="push", title=f"push of {size}: one chunked PATCH, empty PUT", measure=_large_push),
        Row(name="pull", title=f"pull of {size}", measure=_large_pull),
        Row(name="pullers", title=f"{_PULLERS} clients pull 10 MiB each", measure=_pullers),
        Row(name="images", title="small images, one after the other", measure=_images),
        Row(name="images-8", title=f"small images, {_PUSHERS} clients, one repository", measure=_images_at_once),
    )


def _idle(subject: Subject) -> Figures:
    parts = (
        (subject.server.pids, Metric.IDLE_MIB, Metric.IDLE_CPU),
        (subject.server.other_pids, Metric.OTHER_MIB, Metric.OTHER_CPU),
    )
    figures: Figures = {}
    for pids, memory, cpu in parts:
        if pids():
            with measured(pids) as cost:
                time.sleep(subject.sizes.seconds)
            figures |= {memory: private_mib(pids()), cpu: cost.cpu / cost.wall * 1000}
    return figures


def _ping(subject: Subject) -> Figures:
    return load(subject.server, "/v2/", subject.server.token(None, user=True), subject.sizes.seconds)


def _by_digest(*, user: bool) -> Measure:
    def measure(subject: Subject) -> Figures:
        return _get(subject, f"manifests/{subject.image.manifest.digest}", user=user)

    return measure


def _by_tag(subject: Subject) -> Figures:
    return _get(subject, "manifests/latest", user=False)


def _small_blob(subject: Subject) -> Figures:
    return _get(subject, f"blobs/{subject.small.digest}", user=False)


def _get(subject: Subject, path: str, *, user: bool) -> Figures:
    token = subject.server.token(REPOSITORY, user=user)
    return load(subject.server, f"/v2/{REPOSITORY}/{path}", token, subject.sizes.seconds)


def _first_page(subject: Subject) -> Figures:
    if not subject.filled:
        with subject.connection(MANY) as connection:
            Image.random(layers=1).push(connection, MANY, "t000000")
        names = [f"t{number:06}" for number in range(1, subject.sizes.tags)]
        subject.server.add_tags(MANY, "t000000", names)
        subject.filled = True
    target = f"/v2/{MANY}/tags/list?n={_PAGE}"
    times = []
    with subject.connection(MANY, user=False) as connection:
        first = connection.request("GET", target).expect(200)
        if b'"t000099"' not in first.body:
            raise UnexpectedAnswer(f"no {_PAGE} tags in {first.body[:200]!r}")
        with measured(subject.server.pids) as cost:
            end = time.perf_counter() + subject.sizes.seconds
            while (started := time.perf_counter()) < end:
                connection.request("GET", target).expect(200)
                times.append(time.perf_counter() - started)
    return {Metric.MS: statistics.median(times) * 1000, Metric.CPU_MS: cost.cpu / len(times) * 1000}


def _large_push(subject: Subject) -> Figures:
    blob = subject.large = Content.random(subject.sizes.layer)
    digest = blob.digest
    with subject.connection() as connection:
        with measured(subject.server.pids, memory=True) as cost:
            started = time.perf_counter()
            location = begin(connection, REPOSITORY)
            patched = connection.upload(location, memoryview(blob.octets)).expect(202)
            patch = time.perf_counter() - started
            connection.request("PUT", finish(local(patched.headers["location"]), blob)).expect(201)
        stored = connection.request("HEAD", f"/v2/{REPOSITORY}/blobs/{digest}").expect(200)
    if int(stored.headers["content-length"]) != len(blob.octets):
        raise UnexpectedAnswer(f"pushed {len(blob.octets)} bytes, stored {stored.headers['content-length']}")
    gib = len(blob.octets) / _GIB
    return {
        Metric.SECONDS: cost.wall,
        Metric.PATCH_SECONDS: patch,
        Metric.CPU_PER_GIB: cost.cpu / gib,
        Metric.PEAK_MIB: cost.peak_mib,
    }


def _large_pull(subject: Subject) -> Figures:
    if subject.large is None:
        _large_push(subject)
    assert subject.large
    target = f"/v2/{REPOSITORY}/blobs/{subject.large.digest}"
    with subject.connection(user=False) as connection, measured(subject.server.pids, memory=True) as cost:
        length = connection.download(target)
    return {Metric.SECONDS: cost.wall, Metric.CPU_PER_GIB: cost.cpu / (length / _GIB), Metric.PEAK_MIB: cost.peak_mib}


def _pullers(subject: Subject) -> Figures:
    token = subject.server.token(REPOSITORY, user=False)
    target = f"/v2/{REPOSITORY}/blobs/{subject.medium.digest}"
    together = threading.Barrier(_PULLERS + 1)

    def pull(_number: int) -> float:
        with Connection(HOST, subject.server.port, token) as connection:
            together.wait()
            started = time.perf_counter()
            connection.download(target)
            return time.perf_counter() - started

    with ThreadPoolExecutor(_PULLERS) as pool:
        results = [pool.submit(pull, number) for number in range(_PULLERS)]
        time.sleep(0.5)
        together.wait()
        with measured(subject.server.pids, memory=True) as cost:
            times = [result.result() for result in results]
    gib = _PULLERS * _TEN_MIB / _GIB
    return {
        Metric.GIB_PER_SECOND: gib / cost.wall,
        Metric.CPU_PER_GIB: cost.cpu / gib,
        Metric.PEAK_MIB: cost.peak_mib,
        Metric.P99: sorted(times)[int(len(times) * 0.99) - 1] * 1000,
    }


def _images(subject: Subject) -> Figures:
    images = [Image.random(layers=1) for _ in range(subject.sizes.images)]
    times = []
    with subject.connection() as connection:
        Image.random(layers=1).push(connection, REPOSITORY, "warm")
        with measured(subject.server.pids) as cost:
            for image in images:
                started = time.perf_counter()
                image.push(connection, REPOSITORY, image.config.digest[7:19])
                times.append(time.perf_counter() - started)
    return {Metric.MS: statistics.median(times) * 1000, Metric.CPU_MS: cost.cpu / len(images) * 1000}


def _images_at_once(subject: Subject) -> Figures:
    shares = [[Image.random(layers=1) for _ in range(subject.sizes.images // 4)] for _ in range(_PUSHERS)]
    token = subject.server.token(REPOSITORY, user=True)

    def push(share: list[Image]) -> list[float]:
        times = []
        with Connection(HOST, subject.server.port, token) as connection:
            for image in share:
                started = time.perf_counter()
                image.push(connection, REPOSITORY, image.config.digest[7:19])
                times.append(time.perf_counter() - started)
        return times

    with ThreadPoolExecutor(_PUSHERS) as pool, measured(subject.server.pids) as cost:
        times = sorted(time for share in pool.map(push, shares) for time in share)
    return {
        Metric.IMAGES_PER_SECOND: len(times) / cost.wall,
        Metric.CPU_MS: cost.cpu / len(times) * 1000,
        Metric.P99: times[int(len(times) * 0.99) - 1] * 1000,
    }
