"""Heads of requests: read as gunicorn reads them, where a client could make use of a difference."""

import random
import socket
from collections.abc import Callable
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException, UnsupportedTransferCoding
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.http.wsgi import create

from app.server.head import CHUNKED, HeadReader, Incomplete, Refused

_ROUNDS = 4000


def read(head: bytes) -> dict[str, Any]:
    """Our environment of a head."""
    return HeadReader().read(head, {}).environ


def refusal(head: bytes) -> int:
    """The status of our refusal."""
    with pytest.raises(Refused) as refused:
        HeadReader().read(head, {})
    return refused.value.status


def get(*lines: str, target: str = "/v2/", version: str = "HTTP/1.1") -> bytes:
    """A request with these lines."""
    return ("\r\n".join([f"GET {target} {version}", *lines]) + "\r\n\r\n").encode("latin-1")


def test_the_environment_of_a_request() -> None:
    head = HeadReader().read(
        b"PUT /v2/a%2Fb/x?n=1&x=%41 HTTP/1.1\r\nHost: h:1\r\nContent-Type: t/x\r\nContent-Length: 5\r\n"
        b"X-A: 1\r\nx-a: 2\r\nX_Forwarded_For: 1.2.3.4\r\nCookie: a=1\r\nCookie: b=2, 3\r\n\r\nhello",
        {"REMOTE_ADDR": "127.0.0.1"},
    )
    assert head.environ == {
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": "PUT",
        "RAW_URI": "/v2/a%2Fb/x?n=1&x=%41",
        "PATH_INFO": "/v2/a/b/x",
        "QUERY_STRING": "n=1&x=%41",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "h:1",
        "CONTENT_TYPE": "t/x",
        "CONTENT_LENGTH": "5",
        "HTTP_X_A": "1,2",
        "HTTP_COOKIE": "a=1; b=2, 3",
    }
    assert (head.length, head.keep, head.expects) == (5, True, False)


@pytest.mark.parametrize(
    ("lines", "version", "keeps"),
    [
        ((), "HTTP/1.1", True),
        ((), "HTTP/1.0", False),
        (("Connection: close",), "HTTP/1.1", False),
        (("Connection: Close, TE",), "HTTP/1.1", False),
        (("Connection: Keep-Alive",), "HTTP/1.0", True),
        (("Connection: upgrade",), "HTTP/1.1", True),
    ],
)
def test_whether_the_connection_stays(lines: tuple[str, ...], version: str, keeps: bool) -> None:
    assert HeadReader().read(get(*lines, version=version), {}).keep is keeps


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (get("Host: a", "Host: b"), 400),
        (get("Content-Type: a", "content-type: a"), 400),
        (get("Content-Length: 1", "Content-Length: 1"), 400),
        (get("Content-Length: +1"), 400),
        (get("Content-Length: \xb2"), 400),
        (get("Content-Length: 1, 1"), 400),
        (get("Content-Length: " + "9" * 30), 400),
        (get("Content-Length: 5", "Transfer-Encoding: chunked"), 400),
        (get("Transfer-Encoding: chunked", version="HTTP/1.0"), 400),
        (get("Transfer-Encoding: chunked, chunked"), 400),
        (get("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), 400),
        (get("Transfer-Encoding: identity"), 400),
        (get("Transfer-Encoding: xchunked"), 400),
        (get("Transfer-Encoding: chunked\x0b"), 400),
        (get("Expect: a miracle"), 417),
        (get("Name : value"), 400),
        (get("Name: a", " folded"), 400),
        (get("Na\xefme: a"), 400),
        (get(target="/a b"), 400),
        (get(target="/\xe4"), 400),
        (get(target="http://[::1"), 400),
        (get(version="HTTP/2.0"), 400),
        (b"G=T / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (get(target="/" + "a" * 9000), 414),
        (get(*(f"X-{number}: a" for number in range(70))), 431),
        (get("X: " + "a" * 13_000), 431),
        (get(*(f"X-{number}: " + "a" * 12_000 for number in range(7))), 431),
        (get(*(f"X-{number}: " + "a" * 12_000 for number in range(7)))[:-2], 431),
    ],
)
def test_what_is_refused(head: bytes, status: int) -> None:
    assert refusal(head) == status


def test_half_a_head_is_incomplete() -> None:
    head = get("Host: a")
    for length in range(len(head)):
        with pytest.raises(Incomplete):
            HeadReader().read(head[:length], {})


def test_chunked() -> None:
    assert HeadReader().read(get("Transfer-Encoding: Chunked"), {}).length == CHUNKED


def gunicorns(head: bytes) -> dict[str, Any] | None:
    """What gunicorn's own reader makes of a head; None when it refuses."""
    configuration = Config()
    configuration.set("limit_request_line", 8190)
    configuration.set("limit_request_fields", 64)
    configuration.set("limit_request_field_size", 12288)
    configuration.set("forwarded_allow_ips", "")
    try:
        request = Request(configuration, IterUnreader(iter([head, b""])), ("127.0.0.1", 1))
    except (ParseException, LimitRequestHeaders, LimitRequestLine, UnsupportedTransferCoding, OSError, StopIteration):
        return None
    ours_end, _ = ends = socket.socketpair()
    _, environ = create(request, ours_end, ("127.0.0.1", 1), ("127.0.0.1", 80), configuration)
    for end in ends:
        end.close()
    return {"keep": not request.should_close(), **environ}


def ours(head: bytes) -> dict[str, Any] | None:
    """What ours makes of it."""
    try:
        read_head = HeadReader().read(head, {"wsgi.url_scheme": "http"})
    except (Refused, Incomplete):
        return None
    return {"keep": read_head.keep, **read_head.environ}


def test_heads_mean_what_they_mean_to_gunicorn() -> None:
    """Thousands of heads, sound, odd and broken: both accept the same ones and read the same from them."""
    draw = random.Random(20261127)
    accepted = 0
    for _ in range(_ROUNDS):
        head = made_up(draw)
        theirs, mine = gunicorns(head), ours(head)
        if theirs is None or "," in theirs.get("HTTP_COOKIE", ""):
            assert theirs is not None or mine is None or _stricter_there(head), head
            continue
        if mine is None:
            assert b"Transfer-Encoding" in head or b"Content-Length: 999" in head, head
            continue
        accepted += 1
        if b"close" in head:
            theirs["keep"] = mine["keep"]
        assert mine == {key: theirs[key] for key in mine}, head
        assert {key for key in theirs if key.startswith("HTTP_")} == {key for key in mine if key.startswith("HTTP_")}
    assert accepted > _ROUNDS / 20


def _stricter_there(head: bytes) -> bool:
    """Whether gunicorn refuses for a reason that is none of a head's meaning."""
    return b"Expect" in head and b"HTTP/1.0" in head


def made_up(draw: random.Random) -> bytes:
    """A head out of pieces, some of them broken."""
    pick: Callable[[list[str]], str] = draw.choice
    method = pick(["GET", "GET", "PUT", "HEAD", "POST", "CONNECT", "get", "G T", "OPTIONS"])
    target = pick(
        ["/v2/", "/a%20b?x=%zz", "//host/x", "/a?b#c", "http://h/p?q", "*", "h:80", "/a\x7f", "/%00", "/a%", "/?", "/#"]
    )
    version = pick(["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/0.9", "http/1.1"])
    lines = [
        pick(
            [
                "Host: a",
                "Host:b",
                "X-Y:  z  ",
                "x-y: w",
                "X_Y: v",
                "Accept: a, b",
                "Connection: close",
                "Connection: keep-alive",
                "Content-Length: 5",
                "Content-Length: 0",
                "Content-Length: 999999999999999999999999",
                "Content-Length: -1",
                "Transfer-Encoding: chunked",
                "Transfer-Encoding: gzip, chunked",
                "Transfer-Encoding: identity",
                "Expect: 100-continue",
                "Expect: 200",
                "Cookie: a=b",
                "Content-Type: t/x",
                "Bad Name: x",
                "Nul: a\x00b",
                "Tab: a\tb",
                "Latin: \xe4",
                ": empty",
                "NoColon",
                " folded",
                "Cr: a\rb",
                "X-Forwarded-Proto: https",
                "SCRIPT_NAME: /x",
            ]
        )
        for _ in range(draw.randrange(5))
    ]
    ending = pick(["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r"])
    return (ending.join([f"{method} {target} {version}", *lines]) + ending + ending).encode("latin-1")
