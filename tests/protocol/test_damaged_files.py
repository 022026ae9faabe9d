"""Files of the storage that are cut or grow behind the registry's back, pulled from a real gunicorn."""

import base64
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.access.roles import Role
from app.context import Ports
from app.storage.models import Blob
from tests.support.accounts import PASSWORD, make_project, make_user
from tests.support.blobs import content_of, digest_of
from tests.support.server import LiveServer

NAME = "library-test/app"
HEADERS = {"Authorization": "Basic " + base64.b64encode(f"pusher:{PASSWORD}".encode()).decode()}
SIZE = 5_000

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass(kw_only=True)
class Puller:
    """A client that keeps its connection, and the files behind the server."""

    server: LiveServer
    ports: Ports
    open: ExitStack

    def connect(self, receive_buffer: int = 0) -> http.client.HTTPConnection:
        host, port = self.server.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        self.open.callback(connection.close)
        if receive_buffer:
            connection.sock = socket.socket()
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            connection.sock.settimeout(30)
            connection.sock.connect((host, int(port)))
        else:
            connection.connect()
        return connection

    def push(self, content: bytes) -> str:
        digest = digest_of(content)
        connection = self.connect()
        connection.request("POST", f"/v2/{NAME}/blobs/uploads/?digest={digest}", content, HEADERS)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (201, b"")
        return f"/v2/{NAME}/blobs/{digest}"

    def file(self, location: str) -> Path:
        digest = location.rpartition("/")[2]
        key = self.ports.db.rows(sa.select(Blob.key).where(Blob.digest == digest))[0].key
        return self.ports.settings.storage.path / str(key)


@pytest.fixture
def puller(live_server: LiveServer, ports: Ports) -> Iterator[Puller]:
    make_user(ports, "root", sysadmin=True)
    make_project(ports, "library-test", members={make_user(ports, "pusher"): Role.DEVELOPER})
    with ExitStack() as stack:
        yield Puller(server=live_server, ports=ports, open=stack)
    assert "Traceback" not in live_server.log.read_text()


@pytest.mark.parametrize("stored", [0, 10, SIZE - 1, SIZE + 1, SIZE + 100_000])
def test_another_length_than_the_rows_is_an_error_before_the_head(puller: Puller, stored: int) -> None:
    asked: tuple[str | None, ...] = (None, "bytes=0-9", "bytes=4990-", "bytes=-5")
    for seed, ranged in enumerate(asked):
        location = puller.push(content_of(SIZE, seed))
        with puller.file(location).open("r+b") as file:
            file.truncate(stored)
        connection = puller.connect()
        connection.request("GET", location, headers=HEADERS | ({"Range": ranged} if ranged else {}))
        answer = connection.getresponse()
        refusal = json.loads(answer.read())

        assert (answer.status, answer.headers["Connection"]) == (500, "close")
        assert refusal == {"errors": [{"code": "UNKNOWN", "message": "unknown error"}]}
        digest = location.rpartition("/")[2]
        told = [line for line in puller.server.log.read_text().splitlines() if digest in line and "error" in line]
        assert len(told) == 1
        assert f"expected={SIZE}" in told[0]
        assert f"stored={stored}" in told[0]


def test_the_next_answer_is_not_taken_for_content(puller: Puller) -> None:
    location, other = puller.push(content_of(SIZE)), puller.push(content_of(SIZE, 1))
    with puller.file(location).open("r+b") as file:
        file.truncate(1_000)
    connection = puller.connect()
    request = "GET {} HTTP/1.1\r\nHost: registry\r\nAuthorization: {}\r\n\r\n"
    pipelined = request.format(location, HEADERS["Authorization"]) + request.format(other, HEADERS["Authorization"])
    connection.sock.sendall(pipelined.encode())

    received = everything(connection.sock)

    assert received.startswith(b"HTTP/1.1 500")
    assert received.count(b"HTTP/1.1") == 1


def test_a_file_that_shrinks_on_the_way_ends_the_connection(puller: Puller) -> None:
    size = 40_000_000
    location = puller.push(bytes(size))
    connection = puller.connect(receive_buffer=65_536)
    connection.request("GET", location, headers=HEADERS)
    answer = http.client.HTTPResponse(connection.sock)
    answer.begin()
    assert (answer.status, answer.length) == (200, size)
    with puller.file(location).open("r+b") as file:
        file.truncate(30_000_000)
    again = f"GET {location} HTTP/1.1\r\nHost: registry\r\nAuthorization: {HEADERS['Authorization']}\r\n\r\n"
    connection.sock.sendall(again.encode())

    with pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()

    assert cut.value.partial == bytes(30_000_000)
    assert puller.server.log.read_text().count("answer_cut_short") == 1


def everything(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received
