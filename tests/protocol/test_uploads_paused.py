"""Uploads under a server that waits for silent clients itself: handlers pause, go on on any thread, change nothing."""

import base64
import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import structlog
from flask import Flask
from structlog.testing import capture_logs

from app.artifacts.uploads import UploadService
from app.context import Ports
from app.storage import ingest, receive
from app.storage.models import Upload
from app.storage.store import BlobStore
from tests.support.accounts import PASSWORD
from tests.support.blobs import begin, content_of, digest_of
from tests.support.pausing import Exchange
from tests.unit.storage.test_receive import Connection

NAME = "library-test/app"
CONTENT = content_of(700_000)
PARTS = (CONTENT[:1], CONTENT[1:300_000], CONTENT[300_000:])
DIGEST = digest_of(CONTENT)


@pytest.fixture(autouse=True)
def _short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty piece comes as soon as nothing has come for a moment."""
    monkeypatch.setattr(receive, "_TICK_SECONDS", 0.01)


Ask = Callable[..., Exchange]


@pytest.fixture
def ask(app: Flask, pusher: httpx.Client) -> Iterator[Ask]:
    """Begins a request of the pusher: the head is there, of the body nothing."""
    assert pusher.auth
    made: list[Exchange] = []
    basic = base64.b64encode(f"pusher:{PASSWORD}".encode()).decode()

    def begun(method: str, target: str, *fields: str, pauses: bool = True) -> Exchange:
        connection = Connection("python")
        exchange = Exchange(connection)
        made.append(exchange)
        lines = (f"{method} {target} HTTP/1.1", "Host: registry.test", f"Authorization: Basic {basic}", *fields, "", "")
        connection.client.sendall("\r\n".join(lines).encode())
        exchange.start(app, connection.request() | ({"pyharbor.pauses": True} if pauses else {}))
        return exchange

    yield begun
    for exchange in made:
        exchange.close()
        exchange.connection.close()


def length(content: bytes) -> str:
    return f"Content-Length: {len(content)}"


def put_target(location: str, digest: str = DIGEST) -> str:
    return f"{location}?digest={digest}"


def row(ports: Ports, location: str) -> Any:  # noqa: ANN401 - a row
    statement = sa.select(Upload).where(Upload.id == location.rpartition("/")[2])
    with ports.db.read() as session:
        return session.execute(statement).scalar_one()


def assert_released(ports: Ports, location: str) -> None:
    """Nobody owns the session, and nobody has its object open for writing."""
    upload = row(ports, location)
    assert (upload.lease_holder, upload.lease_until) == (None, 0)
    path = ports.settings.storage.path / upload.key
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def test_every_request_with_a_body_pauses_and_succeeds(ask: Ask, pusher: httpx.Client) -> None:
    location = begin(pusher, NAME)
    patched = ask("PATCH", location, length(b"".join(PARTS[:2])))
    patched.send(PARTS[0])
    assert patched.end(PARTS[1]) == 202
    assert patched.headers["Range"] == f"0-{len(PARTS[0] + PARTS[1]) - 1}"
    put = ask("PUT", put_target(location), "Transfer-Encoding: chunked")
    put.send(b"%x\r\n%b" % (len(PARTS[2]), PARTS[2][:1000]))
    assert put.end(PARTS[2][1000:] + b"\r\n0\r\n\r\n") == 201
    assert pusher.get(f"/v2/{NAME}/blobs/{DIGEST}").content == CONTENT
    small = digest_of(b"small")
    posted = ask("POST", f"/v2/{NAME}/blobs/uploads/?digest={small}", length(b"small"))
    assert posted.end(b"small") == 201
    assert pusher.get(f"/v2/{NAME}/blobs/{small}").content == b"small"


def test_who_never_pauses_gets_the_answer_at_once(ask: Ask, pusher: httpx.Client) -> None:
    location = begin(pusher, NAME)
    for method, target, status in (
        ("PATCH", location, "202"),
        ("PUT", put_target(location, digest_of(b"")), "201"),
        ("POST", f"/v2/{NAME}/blobs/uploads/", "202"),
        ("PUT", put_target(location, "nonsense"), "400"),
    ):
        asked = ask(method, target, length(b""))
        assert (asked.status, asked.at_once) == (status, True)


def test_another_server_waits_in_the_handler(ask: Ask, pusher: httpx.Client) -> None:
    location = begin(pusher, NAME)
    with ThreadPoolExecutor(1) as pool:
        connections: list[Connection] = []
        original = Connection.request

        def remember(connection: Connection) -> dict[str, Any]:
            connections.append(connection)
            return original(connection)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Connection, "request", remember)
            asked = pool.submit(ask, "PATCH", location, length(b"abc"), pauses=False)
            while not connections:
                pass
        with pytest.raises(TimeoutError):
            asked.result(0.2)
        connections[0].client.sendall(b"abc")
        assert (asked.result(20).status, asked.result().at_once) == ("202", True)


@pytest.mark.parametrize("parts", range(4))
@pytest.mark.parametrize("gone", ["closed by the server", "end of the connection"])
def test_a_patch_keeps_what_arrived(ask: Ask, pusher: httpx.Client, ports: Ports, parts: int, gone: str) -> None:
    location, arrived = begin(pusher, NAME), b"".join(PARTS[:parts])
    patched = ask("PATCH", location, f"Content-Length: {len(CONTENT) + 1}")
    for part in PARTS[:parts]:
        patched.send(part)
    if gone == "closed by the server":
        patched.close()
        assert patched.status == ""
    else:
        patched.connection.client.close()
        assert patched.end() == 400
    assert row(ports, location).offset == len(arrived)
    assert_released(ports, location)
    assert pusher.patch(location, content=CONTENT[len(arrived) :]).status_code == 202
    assert pusher.put(put_target(location)).status_code == 201


@pytest.mark.parametrize("stored", [0, 1000])
@pytest.mark.parametrize("parts", range(4))
@pytest.mark.parametrize("gone", ["closed by the server", "end of the connection"])
def test_a_put_takes_all_or_nothing(
    ask: Ask, pusher: httpx.Client, ports: Ports, parts: int, stored: int, gone: str
) -> None:
    location, content = begin(pusher, NAME), CONTENT[:stored] + CONTENT
    assert pusher.patch(location, content=CONTENT[:stored]).status_code == 202
    put = ask("PUT", put_target(location, digest_of(content)), f"Content-Length: {len(CONTENT) + 1}")
    for part in PARTS[:parts]:
        put.send(part)
    if gone == "closed by the server":
        put.close()
    else:
        put.connection.client.close()
        assert put.end() == 400
    if stored:
        assert (row(ports, location).offset, row(ports, location).digest) == (stored, None)
        assert_released(ports, location)
    assert pusher.get(location).headers["Range"] == f"0-{max(0, stored - 1)}"
    assert pusher.put(put_target(location, digest_of(content)), content=CONTENT).status_code == 201


@pytest.mark.parametrize("parts", range(2))
def test_a_post_leaves_no_session(ask: Ask, ports: Ports, parts: int) -> None:
    posted = ask("POST", f"/v2/{NAME}/blobs/uploads/?digest={DIGEST}", length(CONTENT))
    for part in PARTS[:parts]:
        posted.send(part)
    posted.close()
    with ports.db.read() as session:
        assert session.execute(sa.select(Upload.digest, Upload.lease_holder)).all() == []


@pytest.mark.parametrize("error", [RuntimeError("planted"), OSError(5, "planted")])
def test_an_error_after_a_pause_is_answered(
    ask: Ask, pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    location = begin(pusher, NAME)
    assert pusher.patch(location, content=b"a").status_code == 202
    put = ask("PUT", put_target(location, digest_of(b"abc")), length(b"bc"))

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(BlobStore, "finish", fail)
    with capture_logs() as events:
        assert put.end(b"bc") == 500
    assert "X-Request-Id" in put.headers
    assert [event["event"] for event in events if event["log_level"] == "error"] == ["registry request failed"]
    assert_released(ports, location)


def test_a_cancelled_session_is_refused_after_a_pause(ask: Ask, pusher: httpx.Client) -> None:
    location = begin(pusher, NAME)
    put = ask("PUT", put_target(location, digest_of(b"abc")), length(b"abc"))
    assert pusher.delete(location).status_code == 204
    assert put.end(b"abc") == 404


def test_a_paused_upload_keeps_its_lease(
    ask: Ask, pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_RENEW_SECONDS", 0.005)
    location = begin(pusher, NAME)
    patched = ask("PATCH", location, length(b"abc"))
    first = row(ports, location).lease_until
    for _ in range(10):
        assert patched.step()
    assert row(ports, location).lease_until > first
    assert pusher.patch(location, content=b"other").status_code == 416
    assert patched.end(b"abc") == 202


def test_who_lost_its_lease_and_its_client_says_nothing(ask: Ask, pusher: httpx.Client, ports: Ports) -> None:
    """An answer for nobody would have to wait for the rest of the body first."""
    location = begin(pusher, NAME)
    patched = ask("PATCH", location, length(CONTENT))
    patched.send(PARTS[0])
    with ports.db.write() as session:
        session.execute(sa.update(Upload).values(lease_holder="other"))
    patched.connection.client.sendall(b"the rest")
    with capture_logs() as events:
        patched.close()
    assert [(event["event"], event.get("status")) for event in events] == [("request", 499)]
    assert (row(ports, location).offset, row(ports, location).lease_holder) == (0, "other")
    assert patched.connection.server.recv(100) == b"the rest"


def test_many_uploads_share_threads_that_change(ask: Ask, pusher: httpx.Client) -> None:
    contents = [content_of(400_000, seed) for seed in range(6)]
    locations = [begin(pusher, NAME) for _ in contents]
    puts = [
        ask("PUT", put_target(location, digest_of(content)), length(content))
        for location, content in zip(locations, contents, strict=True)
    ]
    with ThreadPoolExecutor(3) as threads:
        for at in range(0, 400_000, 20_000):
            for put, content in zip(puts, contents, strict=True):
                put.connection.client.sendall(content[at : at + 20_000])
            assert all(threads.map(Exchange.step, puts))
        assert list(threads.map(Exchange.end, puts)) == [201] * 6
    for content in contents:
        assert pusher.get(f"/v2/{NAME}/blobs/{digest_of(content)}").content == content


def test_each_thread_logs_with_the_requests_own_id(
    ask: Ask, pusher: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    abandon = UploadService.abandon

    def noted(service: UploadService, *args: Any) -> None:  # noqa: ANN401 - handed on
        seen.append(structlog.contextvars.get_contextvars()["request_id"])
        abandon(service, *args)

    monkeypatch.setattr(UploadService, "abandon", noted)
    posts = [
        ask("POST", f"/v2/{NAME}/blobs/uploads/?digest={DIGEST}", length(b"abc"), f"X-Request-Id: request-{number}")
        for number in range(4)
    ]
    assert pusher.get("/v2/").status_code == 200
    with ThreadPoolExecutor(1) as thread, capture_logs([structlog.contextvars.merge_contextvars]) as events:
        for post in posts[:2]:
            assert thread.submit(post.end, b"abc").result() == 400
        for post in posts[2:]:
            thread.submit(post.close).result()
    logged = [(event["request_id"], event["status"]) for event in events if event["event"] == "request"]
    assert seen == [f"request-{number}" for number in range(4)] == [request_id for request_id, _ in logged]
    assert [status for _, status in logged] == [400, 400, 499, 499]
