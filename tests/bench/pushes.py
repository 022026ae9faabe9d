"""Rows of pushes of small images: one after the other, eight at once, again, by mount, and polls beside large ones."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import Final, TypeVar

from tests.bench import wrk
from tests.bench.content import Content, Image, begin, finish, local, push_blob
from tests.bench.metrics import Figures, Metric, p99
from tests.bench.server import pulling, pushing
from tests.bench.subject import REPOSITORY, Subject

PUSHERS: Final = 8
_POLLED_LAYER: Final = 16 * 1024 * 1024
T = TypeVar("T")


def images(subject: Subject) -> Figures:
    """Each image with content of its own, under a tag of its own."""
    made = [Image.random(layers=1) for _ in range(subject.sizes.images)]
    with subject.connection() as connection:
        Image.random(layers=1).push(connection, REPOSITORY, "warm")
        return _each(subject, made, lambda image: image.push(connection, REPOSITORY, _tag(image)))


def images_at_once(subject: Subject) -> Figures:
    """The same by eight clients, into one repository."""
    shares = [[Image.random(layers=1) for _ in range(subject.sizes.images // 4)] for _ in range(PUSHERS)]
    token = subject.server.token(pushing(REPOSITORY), user=True)

    def push(share: list[Image]) -> list[float]:
        times = []
        with subject.connected(token) as connection:
            for image in share:
                started = time.perf_counter()
                image.push(connection, REPOSITORY, _tag(image))
                times.append(time.perf_counter() - started)
        return times

    with ThreadPoolExecutor(PUSHERS) as pool, subject.meter.measured() as cost:
        times = [passed for share in pool.map(push, shares) for passed in share]
    return {
        Metric.IMAGES_PER_SECOND: len(times) / cost.wall,
        **cost.figures(Metric.CPU_MS, 1000 / len(times)),
        Metric.P99: p99(times) * 1000,
    }


def images_again(subject: Subject) -> Figures:
    """An image of twelve layers that is there already, under the tag that it has already."""
    with subject.connection() as connection:
        times = range(subject.sizes.images)
        return _each(subject, times, lambda _: subject.image.push_again(connection, REPOSITORY, "latest"))


def mounts(subject: Subject) -> Figures:
    """Small blobs of one repository, each mounted into another one that lacks it."""
    blobs = [Content.random(1024) for _ in range(subject.sizes.images)]
    target = f"library/mounted-{token_hex(4)}"
    token = subject.server.token(pushing(REPOSITORY), pushing(target), user=True)
    with subject.connected(token) as connection:
        for blob in blobs:
            push_blob(connection, REPOSITORY, blob)

        def mount(blob: Content) -> None:
            place = f"/v2/{target}/blobs/uploads/?mount={blob.digest}&from={REPOSITORY}"
            connection.request("POST", place).expect(201)

        return _each(subject, blobs, mount)


def polls(subject: Subject) -> Figures:
    """Eight clients push blobs of 16 MiB all the time; eight others ask for a manifest by tag."""
    token = subject.server.token(pulling(REPOSITORY), user=False)
    target = f"/v2/{REPOSITORY}/manifests/latest"
    blobs = [Content.random(_POLLED_LAYER) for _ in range(PUSHERS)]
    over = threading.Event()
    wrk.warm_up(subject, target, token)
    with ThreadPoolExecutor(PUSHERS) as pool, subject.meter.measured() as cost:
        try:
            pushed = [pool.submit(_push_until, subject, blob, over) for blob in blobs]
            output = wrk.run(subject, target, token)
        finally:
            over.set()
        count = sum(each.result() for each in pushed)
    found = wrk.figures(output, cost)
    gib = count * _POLLED_LAYER / 1024**3
    return {
        Metric.RATE: found[Metric.RATE],
        Metric.P99: found[Metric.P99],
        Metric.GIB_PER_SECOND: gib / cost.wall,
        **cost.figures(Metric.CPU_PER_SECOND, 1000 / cost.wall),
    }


def _push_until(subject: Subject, blob: Content, over: threading.Event) -> int:
    """Push the blob again and again, each time under another digest, and return how often."""
    count = 0
    with subject.connection() as connection:
        while not over.is_set():
            blob = Content(octets=token_hex(8).encode() + bytes(memoryview(blob.octets)[16:]))
            answer = connection.upload(begin(connection, REPOSITORY), memoryview(blob.octets)).expect(202)
            connection.request("PUT", finish(local(answer.headers["location"]), blob)).expect(201)
            count += 1
    return count


def _each(subject: Subject, items: Sequence[T], push: Callable[[T], None]) -> Figures:
    times = []
    with subject.meter.measured() as cost:
        for item in items:
            started = time.perf_counter()
            push(item)
            times.append(time.perf_counter() - started)
    return {Metric.MS: statistics.median(times) * 1000, **cost.figures(Metric.CPU_MS, 1000 / len(times))}


def _tag(image: Image) -> str:
    return image.config.digest[7:19]
