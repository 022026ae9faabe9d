"""Callers that nobody knows take no memory of the web processes, whatever they ask for and however slowly they read."""

import http.client
import json
import random
import secrets
import socket
import string
import threading
from base64 import b64encode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from types import MappingProxyType
from typing import Final

import pytest

from tests.faults import logs
from tests.faults.conftest import eventually
from tests.support.blobs import digest_of, push
from tests.support.instance import Instance, running
from tests.support.manifests import CONFIG, EMPTY, artifact, image, push_manifest
from tests.support.processes import proportional_megabytes

LIMIT: Final = 300
"""Megabytes of the whole web tier, at every moment."""
_NAME: Final = "crowd/app"
_PLACE: Final = "/api/v2.0/projects/crowd/repositories/app/artifacts"
_CALLERS: Final = 64
_LARGE: Final = 60
_ANNOTATIONS: Final = 3_700_000


class Crowd:
    """Anonymous callers of an installation, all at the same time."""

    def __init__(self, instance: Instance) -> None:
        self.port = instance.port
        self.answers: Counter[int] = Counter()
        self._lock = threading.Lock()

    def call(
        self, method: str, path: str, headers: Mapping[str, str] = MappingProxyType({}), body: bytes = b""
    ) -> bytes:
        """One request; a connection that is cut counts as 0."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        status, content = 0, b""
        with suppress(OSError, http.client.HTTPException):
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            content, status = answer.read(), answer.status
        connection.close()
        with self._lock:
            self.answers[status] += 1
        return content

    def rush(self, times: int, request: Callable[[int], object]) -> None:
        """Do that many requests, as many at once as there are callers."""
        with ThreadPoolExecutor(_CALLERS) as threads:
            list(threads.map(request, range(times)))

    @contextmanager
    def slow_readers(self, path: str) -> Iterator[None]:
        """As many connections as there are callers that ask for something and do not read what comes."""
        with ExitStack() as stack:
            for _ in range(_CALLERS):
                connection = stack.enter_context(socket.socket())
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.connect(("127.0.0.1", self.port))
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: registry\r\n\r\n".encode())
            yield


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An installation as it is by default, with a public project of very large artifacts."""
    with running(tmp_path_factory.mktemp("memory") / "data") as started:
        with started.client() as admin:
            made = admin.post("/api/v2.0/projects", json={"project_name": "crowd", "metadata": {"public": "true"}})
            assert made.status_code == 201, made.text
            for content in (CONFIG, EMPTY):
                push(admin, _NAME, content)
            push_manifest(admin, _NAME, image(), "subject")

        def fill(number: int) -> None:
            with started.client() as pusher:
                push_manifest(pusher, _NAME, _large(number), f"large{number}")
                push_manifest(pusher, _NAME, artifact(image(), annotations={"n": str(number) * 30_000}))

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(fill, range(_LARGE)))
        yield started


def test_the_web_processes_stay_small(instance: Instance) -> None:
    crowd, sizes = Crowd(instance), {"idle": _megabytes(instance)}
    with _watched(instance) as peaks:
        for attack in _ATTACKS:
            attack(crowd)
            sizes[attack.__name__] = _megabytes(instance)
    peak = max(peaks)
    told = f"at most {peak:.0f} MB, after each: { {name: round(size) for name, size in sizes.items()} }"
    assert peak < LIMIT, told
    assert eventually(lambda: _megabytes(instance) < sizes["idle"] + 120 or None, seconds=10), told
    assert crowd.answers.keys() >= {200, 400, 401, 404}, crowd.answers
    assert {status for status in crowd.answers if status >= 500} <= {503}, crowd.answers
    assert logs.traces(instance) == []
    with instance.client() as client:
        assert client.get("/api/v2.0/users/current").status_code == 200


def _large(number: int) -> bytes:
    return image(annotations={"large": f"{number:04}" * (_ANNOTATIONS // 4)})


def _wrong_logins(crowd: Crowd) -> None:
    def guess(number: int) -> None:
        header = "Basic " + b64encode(f"name{number}:Wrong{number}".encode()).decode()
        crowd.call("GET", "/api/v2.0/users/current", {"Authorization": header})

    crowd.rush(600, guess)


def _random_tokens(crowd: Crowd) -> None:
    def ask(number: int) -> None:
        parts = (
            json.dumps({"alg": "RS256", "kid": "x" * 100}),
            json.dumps({"access": [{"type": "repository", "name": secrets.token_hex(3_500)}]}),
            secrets.token_hex(200),
        )
        token = ".".join(urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
        crowd.call("GET", f"/v2/crowd/app{number % 7}/tags/list", {"Authorization": f"Bearer {token}"})

    crowd.rush(1000, ask)


def _tokens_of_many_scopes(crowd: Crowd) -> None:
    def ask(number: int) -> None:
        scopes = "&".join(f"scope=repository:crowd/n{number}x{each}:pull" for each in range(128))
        answer = crowd.call("GET", f"/service/token?service=harbor-registry&{scopes}")
        if answer.startswith(b'{"token"'):
            token = json.loads(answer)["token"]
            crowd.call("GET", f"/v2/crowd/n{number}x1/tags/list", {"Authorization": f"Bearer {token}"})

    crowd.rush(300, ask)


def _lists(crowd: Crowd) -> None:
    paths = (
        f"{_PLACE}?page_size=100&with_accessory=true",
        f"{_PLACE}?page_size=0&q=base%3D*",
        f"/v2/{_NAME}/tags/list",
        f"/v2/{_NAME}/referrers/{digest_of(image())}",
        "/api/v2.0/projects?page_size=0",
        "/api/v2.0/repositories?page_size=0",
        "/v2/_catalog",
    )
    crowd.rush(280, lambda number: crowd.call("GET", paths[number % len(paths)]))


def _large_artifacts(crowd: Crowd) -> None:
    crowd.rush(128, lambda number: crowd.call("GET", f"{_PLACE}/large{number % _LARGE}"))


def _queries_of_many_forms(crowd: Crowd) -> None:
    keys = ("name", "project_id", "owner_id", "repo_count", "creation_time", "update_time")

    def ask(number: int) -> None:
        chance = random.Random(number)
        sort = ",".join(chance.choice(("", "-")) + chance.choice(keys) for _ in range(99))
        terms = ",".join(
            f"{chance.choice(keys)}__{chance.choice(('gte', 'lte', 'gt', 'lt', 'in'))}=1" for _ in range(99)
        )
        crowd.call("GET", f"/api/v2.0/projects?sort={sort}&q={terms}")

    crowd.rush(600, ask)


def _large_bodies(crowd: Crowd) -> None:
    def send(number: int) -> None:
        path = ("/api/v2.0/projects", "/c/login", "/service/token")[number % 3]
        kind = "application/json" if path.startswith("/api") else "application/x-www-form-urlencoded"
        crowd.call("POST", path, {"Content-Type": kind}, b"x" * 7_000_000)

    crowd.rush(96, send)


def _large_headers(crowd: Crowd) -> None:
    headers = {f"X-{number}": "x" * 12_000 for number in range(60)}
    crowd.rush(256, lambda number: crowd.call("GET", f"/v2/{'y' * 4000}{number}/tags/list", headers))


def _headers_without_end(crowd: Crowd) -> None:
    part = "".join(f"X-{number}: {'x' * 12_000}\r\n" for number in range(60))
    with ExitStack() as stack:
        for _ in range(_CALLERS * 2):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", crowd.port)))
            connection.settimeout(2)
            with suppress(OSError):
                connection.sendall(f"GET /v2/ HTTP/1.1\r\nHost: registry\r\n{part}".encode())
        threading.Event().wait(2)


def _random_paths(crowd: Crowd) -> None:
    def ask(number: int) -> None:
        chance = random.Random(number)
        word = "".join(chance.choices(string.ascii_lowercase, k=200))
        for path in (f"/{word}", f"/api/v2.0/{word}/{word}", f"/v2/{word}/manifests/{word}", f"/c/{word}"):
            crowd.call(chance.choice(("GET", "PUT", "BREW")), path)

    crowd.rush(300, ask)


def _large_manifests(crowd: Crowd) -> None:
    crowd.rush(240, lambda number: crowd.call("GET", f"/v2/{_NAME}/manifests/large{number % _LARGE}"))


def _slow_readers(crowd: Crowd) -> None:
    for path in (f"/v2/{_NAME}/manifests/large1", f"{_PLACE}/large2", f"/v2/{_NAME}/referrers/{digest_of(image())}"):
        with crowd.slow_readers(path):
            threading.Event().wait(2)


_ATTACKS: Final = (
    _wrong_logins,
    _random_tokens,
    _tokens_of_many_scopes,
    _lists,
    _large_artifacts,
    _queries_of_many_forms,
    _large_bodies,
    _large_headers,
    _headers_without_end,
    _random_paths,
    _large_manifests,
    _slow_readers,
)


@contextmanager
def _watched(instance: Instance) -> Iterator[list[float]]:
    peaks, over = [_megabytes(instance)], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            peaks.append(_megabytes(instance))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def _megabytes(instance: Instance) -> float:
    """What the web processes hold together; memory that they share counts once."""
    return proportional_megabytes(instance.pids("gunicorn"))
