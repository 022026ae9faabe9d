"""Rows of small reading requests: ping, tokens, manifests, small blobs."""

import json
import statistics
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from tests.bench.authority import SERVICE
from tests.bench.client import Answer, Connection
from tests.bench.content import INDEX
from tests.bench.metrics import Figures, Metric
from tests.bench.server import HOST, pulling, pushing
from tests.bench.subject import REPOSITORY, Measure, Subject
from tests.bench.wrk import load
from tests.support.instance import PASSWORD

_WARM_UP: Final = 20
_INDEX_SIZE: Final = 50_000


def ping(subject: Subject) -> Figures:
    """``GET /v2/``."""
    return load(subject, "/v2/", subject.server.token(user=True))


def by_digest(*, user: bool) -> Measure:
    """A manifest by its digest, with a user's token or an anonymous one."""
    return lambda subject: _get(subject, f"manifests/{subject.image.manifest.digest}", user=user)


def by_tag(subject: Subject) -> Figures:
    """A manifest by a tag."""
    return _get(subject, "manifests/latest")


def not_modified(subject: Subject) -> Figures:
    """A manifest that the client has already: 304."""
    digest = subject.image.manifest.digest
    return _get(subject, f"manifests/{digest}", headers=(f'If-None-Match: "{digest}"',))


def index(subject: Subject) -> Figures:
    """An index of 50 kB."""
    content = subject.image.index(_INDEX_SIZE)
    path = f"manifests/{content.digest}"
    with subject.connection() as connection:
        connection.request("PUT", f"/v2/{REPOSITORY}/{path}", bytes(content.octets), kind=INDEX).expect(201)
    return _get(subject, path, accept=INDEX)


def small_blob(subject: Subject) -> Figures:
    """A blob of 2 kB."""
    return _get(subject, f"blobs/{subject.small.digest}")


def head(path: Callable[[Subject], str]) -> Measure:
    """HEAD of something in the repository, one client."""

    def measure(subject: Subject) -> Figures:
        target = f"/v2/{REPOSITORY}/{path(subject)}"
        with subject.connection(user=False) as connection:
            return one_after_the_other(subject, lambda: connection.request("HEAD", target).expect(200))

    return measure


def token_by_get(subject: Subject) -> Figures:
    """A token for pulls and pushes by name and password, which were right a moment ago."""
    target = "/service/token?" + urlencode({"service": SERVICE, "scope": pushing(REPOSITORY)})
    credentials = b64encode(f"admin:{PASSWORD}".encode()).decode()
    with Connection(HOST, subject.server.port, headers={"Authorization": f"Basic {credentials}"}) as connection:
        return one_after_the_other(subject, lambda: _token(connection.request("GET", target)))


def token_by_post(subject: Subject) -> Figures:
    """The same as OAuth 2 has it, as containerd asks first."""
    form = {"grant_type": "password", "service": SERVICE, "scope": pushing(REPOSITORY), "client_id": "bench"}
    body = urlencode(form | {"username": "admin", "password": PASSWORD}).encode()
    kind = "application/x-www-form-urlencoded"
    with subject.connected() as connection:
        return one_after_the_other(
            subject, lambda: _token(connection.request("POST", "/service/token", body, kind=kind))
        )


def one_after_the_other(subject: Subject, request: Callable[[], Answer]) -> Figures:
    """Do a request again and again on one connection: the median time and the CPU of each."""
    for _ in range(_WARM_UP):
        request()
    times = []
    with subject.meter.measured() as cost:
        end = time.perf_counter() + subject.sizes.seconds
        while (started := time.perf_counter()) < end:
            request()
            times.append(time.perf_counter() - started)
    return {Metric.MS: statistics.median(times) * 1000, **cost.figures(Metric.CPU_US, 1_000_000 / len(times))}


def _get(
    subject: Subject, path: str, *, user: bool = False, headers: tuple[str, ...] = (), accept: str = ""
) -> Figures:
    scope = pushing(REPOSITORY) if user else pulling(REPOSITORY)
    token = subject.server.token(scope, user=user)
    return load(subject, f"/v2/{REPOSITORY}/{path}", token, *headers, accept=accept)


def _token(answer: Answer) -> Answer:
    assert json.loads(answer.expect(200).body).keys() & {"token", "access_token"}
    return answer
