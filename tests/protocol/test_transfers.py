"""Transfers over real connections to a real gunicorn: framing, broken bodies, clients that go away."""

import base64
import contextlib
import http.client
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from app.access.roles import Role
from app.context import Ports
from tests.support.accounts import PASSWORD, make_project, make_user
from tests.support.blobs import content_of, digest_of
from tests.support.server import LiveServer

NAME = "library-test/app"
AUTHORIZATION = "Basic " + base64.b64encode(f"pusher:{PASSWORD}".encode()).decode()

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass
class Registry:
    """The live server with an account that may push."""

    host: str
    port: int
    open: contextlib.ExitStack

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        self.open.callback(connection.close)
        connection.connect()
        return connection

    def ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"", **headers: str
    ) -> "Answer":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Authorization": AUTHORIZATION} | named)
        return self.answer(connection.getresponse())

    def answer(self, response: http.client.HTTPResponse) -> "Answer":
        with response:
            return Answer(response.status, dict(response.getheaders()), response.read())

    def begin(self) -> str:
        answer = self.ask(self.connect(), "POST", f"/v2/{NAME}/blobs/uploads/")
        assert answer.status == 202
        return answer.headers["Location"]

    def offset(self, location: str) -> str:
        return self.ask(self.connect(), "GET", location).headers["Range"]

    def send_raw(
        self, connection: http.client.HTTPConnection, method: str, path: str, framing: str, body: bytes
    ) -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: registry\r\nAuthorization: {AUTHORIZATION}\r\n{framing}\r\n\r\n"
        connection.sock.sendall(head.encode() + body)

    def receive_raw(self, connection: http.client.HTTPConnection) -> "Answer":
        response = http.client.HTTPResponse(connection.sock)
        response.begin()
        return self.answer(response)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes


@pytest.fixture
def registry(live_server: LiveServer, ports: Ports) -> Iterator[Registry]:
    make_user(ports, "root", sysadmin=True)
    make_project(ports, "library-test", members={make_user(ports, "pusher"): Role.DEVELOPER})
    host, port = live_server.url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as stack:
        yield Registry(host, int(port), stack)
    log = live_server.log.read_text()
    assert "Traceback" not in log
    assert "[error" not in log


def chunked(content: bytes, size: int) -> bytes:
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def wait_for(registry: Registry, location: str, offset: str) -> None:
    deadline = time.monotonic() + 10
    while registry.offset(location) != offset and time.monotonic() < deadline:
        time.sleep(0.05)
    assert registry.offset(location) == offset


def test_every_framing_on_one_connection(registry: Registry) -> None:
    connection, content = registry.connect(), content_of(3_000_000)
    digest = digest_of(content)
    for framing, body in (
        (f"Content-Length: {len(content)}", content),
        ("Transfer-Encoding: chunked", chunked(content, 32_768)),
        ("Transfer-Encoding: chunked", chunked(content, 1_000_003)),
        ("Transfer-Encoding: chunked\r\nTrailer: X-Sum", chunked(content, 777)[:-2] + b"X-Sum: 1\r\n\r\n"),
    ):
        location = registry.begin()
        registry.send_raw(connection, "PATCH", location, framing, body)
        patched = registry.receive_raw(connection)
        assert (patched.status, patched.headers["Range"]) == (202, "0-2999999")
        done = registry.ask(connection, "PUT", f"{location}?digest={digest}")
        assert (done.status, done.headers["Connection"]) == (201, "keep-alive")
    assert registry.ask(connection, "GET", f"/v2/{NAME}/blobs/{digest}").content == content
    part = registry.ask(connection, "GET", f"/v2/{NAME}/blobs/{digest}", Range="bytes=1000000-1999999")
    assert (part.status, part.content) == (206, content[1_000_000:2_000_000])
    assert registry.ask(connection, "HEAD", f"/v2/{NAME}/blobs/{digest}").headers["Content-Length"] == "3000000"


def test_pipelined_behind_a_body(registry: Registry) -> None:
    location, connection = registry.begin(), registry.connect()
    status = f"GET {location} HTTP/1.1\r\nHost: registry\r\nAuthorization: {AUTHORIZATION}\r\n\r\n".encode()
    registry.send_raw(connection, "PATCH", location, "Transfer-Encoding: chunked", chunked(b"abc", 2) + status)
    answers = b""
    while answers.count(b"\r\n\r\n") < 2:
        answers += connection.sock.recv(65536)
    assert answers.startswith(b"HTTP/1.1 202")
    assert b"HTTP/1.1 204" in answers
    assert answers.count(b"Range: 0-2\r\n") == 2


def test_expect_continue(registry: Registry) -> None:
    location, connection = registry.begin(), registry.connect()
    registry.send_raw(connection, "PATCH", location, "Content-Length: 3\r\nExpect: 100-continue", b"")
    assert connection.sock.recv(100).startswith(b"HTTP/1.1 100")
    connection.sock.sendall(b"abc")
    assert registry.receive_raw(connection).headers["Range"] == "0-2"


@pytest.mark.parametrize(
    ("framing", "body", "code"),
    [
        ("Content-Length: 10", b"abc", b"SIZE_INVALID"),
        ("Transfer-Encoding: chunked", b"3\r\nabc\r\n", b"BLOB_UPLOAD_INVALID"),
        ("Transfer-Encoding: chunked", b"5\r\nabc", b"BLOB_UPLOAD_INVALID"),
        ("Transfer-Encoding: chunked", b"3\r\nabc\r\nnonsense\r\n", b"BLOB_UPLOAD_INVALID"),
        ("Transfer-Encoding: chunked", b"3\r\nabcdef\r\n0\r\n\r\n", b"BLOB_UPLOAD_INVALID"),
    ],
)
def test_broken_body_keeps_what_arrived(registry: Registry, framing: str, body: bytes, code: bytes) -> None:
    location, connection = registry.begin(), registry.connect()
    registry.send_raw(connection, "PATCH", location, framing, body)
    connection.sock.shutdown(socket.SHUT_WR)
    refused = registry.receive_raw(connection)
    assert (refused.status, refused.headers["Connection"]) == (400, "close")
    assert code in refused.content
    assert registry.offset(location) == "0-2"
    resumed = registry.ask(registry.connect(), "PATCH", location, b"def", Content_Range="3-5")
    assert resumed.status == 202
    assert registry.ask(registry.connect(), "PUT", f"{location}?digest={digest_of(b'abcdef')}").status == 201


def test_client_that_goes_away_while_pushing(registry: Registry) -> None:
    location, connection = registry.begin(), registry.connect()
    registry.send_raw(connection, "PATCH", location, "Content-Length: 1000000", content_of(500_000))
    connection.close()
    wait_for(registry, location, "0-499999")
    rest = content_of(1_000_000)[500_000:]
    assert registry.ask(registry.connect(), "PATCH", location, rest, Content_Range="500000-999999").status == 202


def test_client_that_goes_away_while_pulling(registry: Registry) -> None:
    content, location = content_of(20_000_000), registry.begin()
    done = registry.ask(registry.connect(), "PUT", f"{location}?digest={digest_of(content)}", content)
    assert done.status == 201
    for start in range(0, 20_000_000, 4_000_000):
        connection = registry.connect()
        registry.send_raw(connection, "GET", done.headers["Location"], f"Range: bytes={start}-", b"")
        connection.sock.recv(100_000)
        connection.close()
    assert registry.ask(registry.connect(), "GET", done.headers["Location"]).content == content


@pytest.mark.parametrize("size", [2_000_000, 30_000_000])
@pytest.mark.parametrize(("content_range", "authorization", "status"), [("5-", True, 416), ("0-", False, 401)])
def test_refused_with_a_body_that_nobody_reads(
    registry: Registry, size: int, content_range: str, authorization: bool, status: int
) -> None:
    location, connection = registry.begin(), registry.connect()
    start = int(content_range[:-1])
    headers = {"Content-Range": f"{start}-{start + size - 1}"} | (
        {"Authorization": AUTHORIZATION} if authorization else {}
    )
    try:
        connection.request("PATCH", location, bytes(size), headers)
    except (ConnectionResetError, BrokenPipeError):
        assert size > 4_000_000
    answer = registry.receive_raw(connection)
    assert (answer.status, answer.headers["Connection"]) == (status, "keep-alive" if size < 4_000_000 else "close")
    assert registry.offset(location) == "0-0"


def test_push_again_of_a_finished_session_takes_the_whole_body(registry: Registry) -> None:
    content, location, connection = content_of(9_000_000), registry.begin(), registry.connect()
    for _ in range(2):
        done = registry.ask(connection, "PUT", f"{location}?digest={digest_of(content)}", content)
        assert (done.status, done.headers["Connection"]) == (201, "keep-alive")
