"""Cookies that a client sends on several lines of one request, as Go's clients do, are read as one line."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
import pytest

from app.web.csrf import COOKIE, HEADER
from tests.support.accounts import PASSWORD
from tests.support.server import LiveServer

pytestmark = pytest.mark.usefixtures("people")
ORDERS = {
    "session first": ("sid={sid}", COOKIE + "={csrf}"),
    "token first": (COOKIE + "={csrf}", "sid={sid}"),
    "commas between": ("a=1,2; b=x,y", "sid={sid}", 'c="p,q"', COOKIE + "={csrf}; d=,", ""),
    "one line": ("sid={sid}; " + COOKIE + "={csrf}",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said."""

    status: int
    token: str
    body: bytes


@pytest.fixture
def visitor(live_server: LiveServer) -> httpx.Client:
    """A logged-in client of the live server, which has both cookies."""
    client = live_server.client
    token = client.get("/api/version").headers[HEADER]
    form = {"principal": "guest", "password": PASSWORD}
    assert client.post("/c/login", data=form, headers={HEADER: token}).status_code == HTTPStatus.OK
    return client


def ask(server: LiveServer, request: str, headers: list[tuple[str, str]], body: bytes = b"") -> Answer:
    """The answer to a request whose headers are written line by line, equal names too."""
    method, _, target = request.partition(" ")
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    try:
        connection.putrequest(method, target)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(status=answer.status, token=answer.headers.get(HEADER, ""), body=answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("lines", ORDERS.values(), ids=ORDERS.keys())
def test_reads_and_writes(live_server: LiveServer, visitor: httpx.Client, lines: tuple[str, ...]) -> None:
    carried = {"sid": visitor.cookies["sid"], "csrf": visitor.cookies[COOKIE]}
    cookies = [("Cookie", line.format(**carried)) for line in lines]
    read = ask(live_server, "GET /api/v2.0/users/current", cookies)
    assert (read.status, json.loads(read.body).get("username")) == (HTTPStatus.OK, "guest")
    without = [*cookies, ("Content-Type", "application/json")]
    body = json.dumps({"project_name": "private"}).encode()
    given = [*without, (HEADER, read.token)]
    assert ask(live_server, "POST /api/v2.0/projects", given, body).status == HTTPStatus.CONFLICT
    assert ask(live_server, "POST /api/v2.0/projects", without, body).status == HTTPStatus.FORBIDDEN


def test_a_second_session_does_not_replace_the_first(live_server: LiveServer, visitor: httpx.Client) -> None:
    lines = [("Cookie", "sid=forged"), ("Cookie", f"sid={visitor.cookies['sid']}")]
    assert ask(live_server, "GET /api/v2.0/users/current", lines).status == HTTPStatus.UNAUTHORIZED
