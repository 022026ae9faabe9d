"""The loop's thread, its other threads and gunicorn's worker give the same answers to the same requests.

``PYHARBOR_GENERATED_REQUESTS`` makes it more of them: ``make fuzz``.
"""

import os
import random
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from unittest import mock

import httpx
import pytest
from flask import Flask

from app.server import loop
from tests.support.blobs import content_of, push
from tests.support.gthreaded import gthreaded
from tests.support.looped import Peer, looped
from tests.support.manifests import push_image

NAME = "library-test/app"
_REQUESTS = int(os.environ.get("PYHARBOR_GENERATED_REQUESTS", "600"))
_VARYING = re.compile(
    rb"(?mi)^(?:date|set-cookie|x-harbor-csrf-token): .*$|\"(?:issued_at|expires_in|token|access_token)\":[^,}]*"
)

pytestmark = [pytest.mark.parametrize("database_url", ["sqlite"], indirect=True), pytest.mark.timeout(600)]


@pytest.fixture
def peers(app: Flask) -> Iterator[list[Peer]]:
    """Connections to the three: what is quick is answered by the loop's thread, by no means, by gunicorn."""
    with ExitStack() as stack:
        quick = stack.enter_context(looped(app))
        with mock.patch.object(loop, "is_quick", return_value=False):
            handed_on = stack.enter_context(looped(app))
        ports = [quick.port, handed_on.port, stack.enter_context(gthreaded(app))]
        yield [stack.enter_context(Peer(socket.create_connection(("127.0.0.1", port), 20))) for port in ports]


def test_the_same_answers(peers: list[Peer], pusher: httpx.Client) -> None:
    draw = random.Random(9)
    paths = _paths(pusher)
    tokens = _tokens(pusher)
    statuses = set()
    for number in range(_REQUESTS):
        method = draw.choice(["GET", "GET", "GET", "HEAD", "HEAD", "DELETE", "OPTIONS"])
        lines = [f"{method} {draw.choice(paths)} HTTP/1.1", "Host: registry.test", f"X-Request-Id: {number}"]
        lines += draw.sample(_LINES, draw.randrange(3))
        if authorization := draw.choice(tokens):
            lines.append(f"Authorization: {authorization}")
        request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        answers = [_answer(peer.send(request), method) for peer in peers]
        assert answers[0] == answers[1], request
        assert answers[0] == answers[2], request
        statuses.add(answers[0][9:12])
    assert statuses >= {b"200", b"206", b"304", b"400", b"401", b"404", b"405", b"416"}


_LINES = [
    "Range: bytes=0-9",
    "Range: bytes=10-",
    "Range: bytes=-5",
    *["Range: bytes=99999-"] * 3,
    "Range: bytes=1-2,4-5",
    'If-None-Match: "*"',
    "If-None-Match: *",
    "Accept: application/vnd.oci.image.manifest.v1+json",
    "Accept: text/html",
    "Cookie: a=b",
    "X-Forwarded-Proto: https",
    "User-Agent: docker/27.0",
]


def _paths(pusher: httpx.Client) -> list[str]:
    """What there is in a repository, and what there is not."""
    manifest = pusher.get(push_and_name(pusher)).headers["Docker-Content-Digest"]
    small, large = push(pusher, NAME, content_of(2000)), push(pusher, NAME, content_of(400_000, 7))
    absent = f"sha256:{'0' * 64}"
    below = [
        "manifests/v1",
        "manifests/v2",
        f"manifests/{manifest}",
        f"manifests/{absent}",
        "manifests/sha256:x",
        "manifests/-bad",
        *[f"blobs/{small}"] * 4,
        f"blobs/{large}",
        f"blobs/{absent}",
        "blobs/nonsense",
        "tags/list",
        "tags/list?n=1",
        "tags/list?n=1&last=v1",
        "tags/list?n=x",
        "tags/list?last=%00",
        f"referrers/{manifest}",
        f"referrers/{manifest}?artifactType=a/b",
        "referrers/x",
        "blobs/uploads/",
        "blobs/uploads/nothing",
        "nothing",
        "manifests/v%31",
    ]
    names = [NAME, NAME, NAME, "library-test/none", "absent/app", "Bad/Name"]
    return [
        *(f"/v2/{name}/{each}" for name in names for each in below),
        *["/v2/", "/v2", "/v2/?x", "/v2/_catalog", "/v2/%2e", "/v2//x/manifests/v1", "/nothing", "/api/v2.0/ping"] * 3,
        "/service/token?scope=repository:library-test/app:pul",
    ]


def push_and_name(pusher: httpx.Client) -> str:
    """Push two tags; the path of the first."""
    for tag in ("v1", "v2"):
        push_image(pusher, NAME, tag)
    return f"/v2/{NAME}/manifests/v1"


def _tokens(pusher: httpx.Client) -> list[str]:
    """Authorization headers, of which none may delete anything, and none at all."""
    found = []
    for scope in (f"repository:{NAME}:pull", "repository:library-test/none:pull", f"repository:{NAME}:pull,push"):
        answer = pusher.get("/service/token", params={"service": "harbor-registry", "scope": scope})
        found.append(f"Bearer {answer.json()['token']}")
    return [*found, *found[:1] * 4, "", "Bearer nonsense", "Digest x", "Basic ="]


def _answer(peer: Peer, method: str) -> bytes:
    """The whole answer, without what the clock decides."""
    head = peer.read_until(b"\r\n\r\n")
    length = re.search(rb"(?mi)^content-length: (\d+)\r$", head)
    assert length or method == "HEAD" or head[9:12] in (b"204", b"304"), head
    body = peer.read_exactly(int(length[1])) if length and method != "HEAD" and head[9:12] != b"304" else b""
    return _VARYING.sub(b"", head + body)
