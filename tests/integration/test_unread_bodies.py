"""Bodies that are refused before they are read: the connection goes on, or the answer says that it ends."""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from tests.support.people import People
from tests.support.server import LiveServer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
REFUSED = {
    "a token's form": ("/service/token", FORM, 413),
    "a login's form": ("/c/login", FORM, 403),
    "a document of nobody": ("/api/v2.0/projects", JSON, 401),
}
MORE_THAN_THE_SERVER_READS = 200_000
MORE_THAN_ANYBODY_READS = 9 * 1024 * 1024


@pytest.fixture
def connection(live_server: LiveServer, people: People) -> Iterator[HTTPConnection]:
    """One connection, which does not connect anew by itself."""
    with closing(HTTPConnection(urlsplit(live_server.url).netloc, timeout=20)) as made:
        made.connect()
        made.auto_open = False
        yield made


def ask(connection: HTTPConnection, path: str, headers: dict[str, str], body: bytes) -> HTTPResponse:
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer


@pytest.mark.parametrize(("path", "headers", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_the_connection_goes_on(connection: HTTPConnection, path: str, headers: dict[str, str], status: int) -> None:
    for _ in range(2):
        assert ask(connection, path, headers, b"a" * MORE_THAN_THE_SERVER_READS).status == status
    connection.request("GET", "/api/v2.0/ping")
    assert connection.getresponse().read().strip() == b"Pong"


def test_chunks_are_taken_in_too(connection: HTTPConnection) -> None:
    chunks = (b"a" * 50_000 for _ in range(4))
    connection.request("POST", "/api/v2.0/projects", chunks, JSON, encode_chunked=True)
    refused = connection.getresponse()
    refused.read()
    connection.request("GET", "/api/v2.0/ping")
    assert (refused.status, connection.getresponse().status) == (401, 200)


def test_the_end_of_the_connection_is_announced(connection: HTTPConnection) -> None:
    connection.putrequest("POST", "/api/v2.0/projects")
    connection.putheader("Content-Length", str(MORE_THAN_ANYBODY_READS))
    connection.endheaders(b"a" * (5 * 1024 * 1024))
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Connection"]) == (401, "close")
