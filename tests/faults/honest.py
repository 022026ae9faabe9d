"""Clients that behave, beside those that do not: what they are kept waiting, and whether what they do succeeds."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx

from tests.support.blobs import begin, content_of, digest_of, push
from tests.support.manifests import push_image

SLOW_RATE: Final = 50_000
"""Bytes per second of a slow but honest client."""
_PIECE: Final = SLOW_RATE // 10
_PAUSE: Final = _PIECE / SLOW_RATE
_PATHS: Final = (("/v2/", 401), ("/api/v2.0/ping", 200))
_PROBE_PAUSE: Final = 0.02
_IMAGE_PAUSE: Final = 0.3
_TIMEOUT: Final = 10.0
_BUFFER: Final = 4096


@dataclass(slots=True, kw_only=True)
class Waits:
    """Seconds that small requests on connections of their own took, by path; one without an answer took ten."""

    by_path: dict[str, list[float]] = field(default_factory=dict)

    def p99(self, path: str) -> float:
        """What all but one of a hundred took at most."""
        waits = sorted(self.by_path[path])
        return waits[min(len(waits) - 1, len(waits) * 99 // 100)]

    def worst_p99(self) -> float:
        """Of the paths' p99, the longest."""
        return max(map(self.p99, self.by_path))

    def __str__(self) -> str:
        """Each path's p99 and longest in milliseconds."""
        parts = (
            f"{path}: p99 {self.p99(path) * 1000:.1f} ms, at most {max(waits) * 1000:.1f} ms of {len(waits)}"
            for path, waits in self.by_path.items()
        )
        return "; ".join(parts)


def probe(port: int, over: Callable[[], bool]) -> Waits:
    """Ask for ``/v2/`` and ping in turns, each time on a new connection, until it is over."""
    waits = Waits()
    while not over():
        for path, status in _PATHS:
            started = time.perf_counter()
            waits.by_path.setdefault(path, []).append(
                time.perf_counter() - started if _answers(port, path, status) else _TIMEOUT
            )
            time.sleep(_PROBE_PAUSE)
    return waits


def _answers(port: int, path: str, status: int) -> bool:
    request = f"GET {path} HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n".encode()
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), _TIMEOUT) as connection:
        connection.sendall(request)
        return connection.recv(65_536).startswith(f"HTTP/1.1 {status}".encode())
    return False


def push_and_pull(client: httpx.Client, name: str, over: Callable[[], bool]) -> int:
    """Push an image and pull it, again and again until it is over; return how many."""
    count = 0
    while not over():
        manifest = push_image(client, name, "latest", seed=time.time_ns())
        for path in ("manifests/latest", f"manifests/{digest_of(manifest)}"):
            answer = client.get(f"/v2/{name}/{path}")
            assert answer.status_code == 200, answer.text
            assert answer.content == manifest
        content = content_of(1_000_000, time.time_ns())
        answer = client.get(f"/v2/{name}/blobs/{push(client, name, content)}")
        assert answer.status_code == 200
        assert answer.content == content
        count += 1
        time.sleep(_IMAGE_PAUSE)
    return count


def push_slowly(client: httpx.Client, name: str, seconds: float) -> None:
    """Push a blob at the rate of a slow client for about that long; it is there then."""
    content = content_of(int(SLOW_RATE * seconds), time.time_ns())
    location = begin(client, name)

    def pieces() -> Iterator[bytes]:
        started = time.monotonic()
        for number, start in enumerate(range(0, len(content), _PIECE)):
            time.sleep(max(0.0, started + number * _PAUSE - time.monotonic()))
            yield content[start : start + _PIECE]

    answer = client.patch(location, content=pieces(), headers={"Content-Length": str(len(content))})
    assert answer.status_code == 202, answer.text
    answer = client.put(answer.headers["Location"], params={"digest": digest_of(content)})
    assert answer.status_code == 201, answer.text


def pull_slowly(client: httpx.Client, path: str, content: bytes, seconds: float) -> None:
    """Pull the beginning of a blob at the rate of a slow client for about that long; it is whole and not cut."""
    wanted = content[: int(SLOW_RATE * seconds)]
    place = urlsplit(str(client.base_url))
    with socket.socket() as connection:
        connection.settimeout(_TIMEOUT)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        connection.connect((place.hostname, place.port))
        lines = (
            f"GET {path} HTTP/1.1",
            "Host: registry",
            f"Authorization: {client.headers['Authorization']}",
            f"Range: bytes=0-{len(wanted) - 1}",
        )
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        started, received = time.monotonic(), b""
        while len(received.partition(b"\r\n\r\n")[2]) < len(wanted):
            piece = connection.recv(_PIECE)
            assert piece, f"the pull was cut after {len(received)} bytes"
            received += piece
            time.sleep(max(0.0, started + len(received) / SLOW_RATE - time.monotonic()))
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 206"), head
    assert body == wanted
