"""Clients as the network makes them: cut off, slow, out of step, by the hundred. Nothing is lost, nothing is a 500."""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.db.database import Database
from app.storage.models import Upload
from tests.faults import logs, soundness
from tests.faults.conftest import create_project, eventually
from tests.faults.wire import Underway
from tests.support.blobs import begin, content_of, digest_of, push
from tests.support.instance import Instance, running
from tests.support.manifests import OCI_MANIFEST, image, push_image

CONTENT = content_of(300_000, 1)
HALF = len(CONTENT) // 2
_MANY = 100
_SOME = 30_000
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """The installation that all these clients talk to; at their end it is sound and nothing surprised it."""
    with running(tmp_path_factory.mktemp("bad-clients") / "data") as started:
        yield started
        pids = started.pids("gunicorn")
        statuses = {entry["status"] for entry in logs.events(started, "request")}
        assert {status for status in statuses if status >= 500} == set()
        assert logs.traces(started) == []
        assert len(pids) == 3
        with soundness.database_of(started) as database:
            assert soundness.faults(database, started.folder / "blobs") == []


@pytest.fixture
def name(instance: Instance) -> str:
    """A repository of this test alone."""
    return f"{create_project(instance)}/app"


@pytest.fixture
def client(instance: Instance) -> Iterator[httpx.Client]:
    """A client that behaves."""
    with instance.client() as made:
        yield made


def stands_at(client: httpx.Client, location: str, offset: int) -> None:
    """Wait until the session stands there."""
    expected = f"0-{offset - 1}" if offset else "0-0"
    eventually(lambda: client.get(location).headers["Range"] == expected, seconds=15)


def finish(client: httpx.Client, location: str, offset: int) -> None:
    """Send the rest and see that the whole is there; a session may still be the cut request's for a moment."""
    digest = digest_of(CONTENT)
    rest = CONTENT[offset:]

    def sent() -> bool:
        answer = client.put(location, params={"digest": digest}, content=rest)
        assert answer.status_code in {201, 416}, answer.text
        return answer.status_code == 201

    eventually(sent, seconds=30)
    repository = location.partition("/blobs/")[0]
    assert client.get(f"{repository}/blobs/{digest}").content == CONTENT


def refused(answer: tuple[int, bytes] | None, code: str) -> None:
    """An answer of the registry's shape with status 400."""
    assert answer is not None
    status, body = answer
    assert (status, json.loads(body)["errors"][0]["code"]) == (400, code)


@pytest.mark.parametrize("how", ["closed", "reset", "half-closed"])
def test_a_patch_cut_short_keeps_what_arrived(instance: Instance, client: httpx.Client, name: str, how: str) -> None:
    location = begin(client, name)
    with Underway(instance, "PATCH", location, body=CONTENT) as request:
        request.send(HALF)
        if how == "half-closed":
            request.half_close()
            refused(request.answer(), "SIZE_INVALID")
        elif how == "reset":
            time.sleep(0.2)
            request.reset()
    stands_at(client, location, HALF)
    finish(client, location, HALF)


def test_a_put_cut_short_leaves_the_session_as_it_was(instance: Instance, client: httpx.Client, name: str) -> None:
    location = begin(client, name)
    assert client.patch(location, content=CONTENT[:1000]).status_code == 202
    with Underway(instance, "PUT", f"{location}?digest={digest_of(CONTENT)}", body=CONTENT[1000:]) as request:
        request.send(HALF)
    stands_at(client, location, 1000)
    finish(client, location, 1000)


def test_a_manifest_cut_short_is_none(instance: Instance, client: httpx.Client, name: str) -> None:
    push_image(client, name, "kept")
    body = image(content_of(64, 0), annotations={"x": "y" * 100_000})
    headers = (f"Content-Type: {OCI_MANIFEST}", f"Content-Length: {len(body)}")
    with Underway(instance, "PUT", f"/v2/{name}/manifests/cut", *headers, body=body) as request:
        request.send(len(body) // 2)
        request.half_close()
        refused(request.answer(), "SIZE_INVALID")
    assert client.get(f"/v2/{name}/manifests/cut").status_code == 404
    assert client.get(f"/v2/{name}/tags/list").json()["tags"] == ["kept"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"zz\r\nnot a size\r\n",
        b"5\r\nlonger than five\r\n0\r\n\r\n",
        b"-5\r\nminus\r\n",
        b"ffffffffffffffffffff\r\n",
        b"\x00\xff\xfe" * 5000,
        b"1" * 20_000,
    ],
    ids=["no number", "too long", "negative", "huge", "binary", "endless"],
)
def test_broken_chunks_keep_the_sound_ones(instance: Instance, client: httpx.Client, name: str, garbage: bytes) -> None:
    location = begin(client, name)
    with Underway(instance, "PATCH", location, CHUNKED) as request:
        request.send()
        request.send_bytes(b"%x\r\n%s\r\n" % (HALF, CONTENT[:HALF]))
        request.send_bytes(garbage)
        refused(request.answer(), "BLOB_UPLOAD_INVALID")
    kept = int(client.get(location).headers["Range"].removeprefix("0-")) + 1
    assert HALF <= kept <= HALF + 5, "five bytes are what the chunk that is too long promised"
    if kept == HALF:
        finish(client, location, HALF)
    else:
        assert client.put(location, params={"digest": digest_of(CONTENT[:HALF])}).status_code == 400


def test_chunks_that_end_early(instance: Instance, client: httpx.Client, name: str) -> None:
    location = begin(client, name)
    with Underway(instance, "PATCH", location, CHUNKED) as request:
        request.send()
        request.send_bytes(b"%x\r\n%s" % (len(CONTENT), CONTENT[:HALF]))
    stands_at(client, location, HALF)
    finish(client, location, HALF)


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 10", "Transfer-Encoding: chunked"),
        ("Content-Length: 10", "Content-Length: 11"),
        ("Content-Length: ten",),
        ("Content-Length: -10",),
        ("Transfer-Encoding: gzip, identity",),
    ],
)
def test_a_body_of_two_minds_is_refused(
    instance: Instance, client: httpx.Client, name: str, headers: tuple[str, ...]
) -> None:
    location = begin(client, name)
    with Underway(instance, "PATCH", location, *headers, body=CONTENT[:10]) as request:
        request.send()
        answer = request.answer()
    assert answer is None or answer[0] in {400, 501}
    stands_at(client, location, 0)
    finish(client, location, 0)


def test_lengths_that_contradict(instance: Instance, client: httpx.Client, name: str) -> None:
    location = begin(client, name)
    claims = (f"Content-Range: 0-{HALF - 1}", f"Content-Length: {HALF + 1}")
    with Underway(instance, "PATCH", location, *claims, body=CONTENT[: HALF + 1]) as request:
        request.send()
        refused(request.answer(), "SIZE_INVALID")
    stands_at(client, location, 0)
    with Underway(instance, "PATCH", location, f"Content-Length: {HALF}", body=CONTENT) as request:
        request.send()
        assert request.answer() == (202, b"")
    stands_at(client, location, HALF)
    finish(client, location, HALF)


def test_a_slow_client_is_served_and_cut_off_without_loss(instance: Instance, client: httpx.Client, name: str) -> None:
    location = begin(client, name)
    with Underway(instance, "PATCH", location, body=CONTENT) as request:
        for _ in range(10):
            request.send(1000)
            time.sleep(0.2)
            assert client.get("/v2/").status_code == 200
    stands_at(client, location, 10_000)
    finish(client, location, 10_000)


def test_a_hundred_uploads_hang_and_are_cut(instance: Instance, client: httpx.Client, name: str) -> None:
    locations = [begin(client, name) for _ in range(_MANY)]
    requests = [Underway(instance, "PATCH", location, body=CONTENT) for location in locations]
    for request in requests:
        request.send(_SOME)
    time.sleep(1)
    for number, request in enumerate(requests):
        if number % 2:
            request.reset()
        else:
            request.close()
    eventually(lambda: client.get("/api/v2.0/ping").status_code == 200, seconds=10)
    push(client, name, content_of(1000, 2))
    with soundness.database_of(instance) as database:
        stands = {row.id: row for row in eventually(lambda: _settled(database, name), seconds=30)}
    offsets = [stands[location.rpartition("/")[2]].offset for location in locations]
    assert set(offsets[::2]) == {_SOME}
    assert all(0 <= offset <= _SOME for offset in offsets[1::2]), "a reset connection loses what was not read yet"
    for location, offset in list(zip(locations, offsets, strict=True))[:4]:
        finish(client, location, offset)


def test_pullers_who_leave_in_the_middle(instance: Instance, client: httpx.Client, name: str) -> None:
    content = content_of(8_000_000, 3)
    path = f"/v2/{name}/blobs/{push(client, name, content)}"

    def leave(number: int) -> None:
        headers = (f"Range: bytes={number * 1000}-",) if number % 2 else ()
        with Underway(instance, "GET", path, *headers, "Accept: */*") as request:
            request.send()
            assert len(request.receive(4096)) > 0
            request.reset()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(leave, range(100)))
    assert client.get(path).content == content


def test_two_clients_on_one_session(instance: Instance, client: httpx.Client, name: str) -> None:
    location = begin(client, name)
    with Underway(instance, "PATCH", location, body=CONTENT) as first:
        first.send(HALF)
        with soundness.database_of(instance) as database:
            eventually(lambda: _settled(database, name) is None)
        assert client.patch(location, content=b"intruder").status_code == 416
        assert client.put(location, params={"digest": digest_of(b"intruder")}, content=b"intruder").status_code == 416
        first.send()
        assert first.answer() == (202, b"")
    stands_at(client, location, len(CONTENT))
    finish(client, location, len(CONTENT))


def _settled(database: Database, name: str) -> Sequence[sa.Row[Any]] | None:
    """The repository's sessions, once no request owns one of them."""
    rows = database.rows(_SESSIONS, {"name": name})
    return None if any(row.lease_holder for row in rows) else rows


_SESSIONS = sa.select(Upload.id, Upload.offset, Upload.lease_holder).where(Upload.repository == sa.bindparam("name"))
