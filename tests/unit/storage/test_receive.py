"""The receive loop on gunicorn's own parser over a socket, and on any other server's input: the same bytes."""

import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import pairwise
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import get_parser
from gunicorn.http.wsgi import create
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import DomainError, SizeInvalid, UploadInvalid
from app.storage import receive
from tests.unit.storage.test_chunked import encode

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


class Connection:
    """A connection that gunicorn parses at one end; the other end is ours."""

    def __init__(self, parser: str) -> None:
        self.client, self.server = socket.socketpair()
        config = Config()
        config.set("http_parser", parser)
        self._config = config
        self._parser = get_parser(config, self.server, ("127.0.0.1", 1))
        self.response: Any = None

    def request(self) -> dict[str, Any]:
        """The environ of the next request."""
        self.response, environ = create(
            next(self._parser), self.server, ("127.0.0.1", 1), ("127.0.0.1", 2), self._config
        )
        return dict(environ)

    def goes_on(self) -> bool:
        """Whether gunicorn would serve another request on this connection."""
        self.response.start_response("200 OK", [("Content-Length", "0")])
        return not self.response.should_close() and bool(self._parser.finish_body(deadline=None))

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture(params=["python", "fast"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[[], Connection]]:
    """Makes connections that gunicorn's Python or C parser reads."""
    made: list[Connection] = []

    def make() -> Connection:
        made.append(Connection(request.param))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


def head(*headers: bytes) -> bytes:
    return b"\r\n".join([b"PATCH /upload HTTP/1.1", b"Host: a", *headers, b"", b""])


def collect(environ: dict[str, Any], idle_seconds: float = 5) -> tuple[bytes, DomainError | None]:
    """What arrives, and what ends it."""
    content = b""
    try:
        for piece in receive.receive(environ, idle_seconds):
            content += piece
    except DomainError as error:
        return content, error
    return content, None


def send(connection: Connection, pieces: list[bytes]) -> threading.Thread:
    def run() -> None:
        with suppress(OSError):
            for piece in pieces:
                connection.client.sendall(piece)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def split(coded: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(coded) + 1) for cut in cuts), len(coded)]
    return [coded[start:stop] for start, stop in pairwise(edges)]


class Elsewhere(io.BytesIO):
    """The body object of a server that is not gunicorn."""


class TestWhole:
    @settings(deadline=None, max_examples=60)
    @given(
        size=st.integers(0, 700_000),
        cuts=st.lists(st.integers(0, 700_000), max_size=5),
        chunk=st.integers(1, 400_000) | st.none(),
        parser=st.sampled_from(["python", "fast"]),
        pipelined=st.booleans(),
    )
    def test_any_body_in_any_pieces(
        self, size: int, cuts: list[int], chunk: int | None, parser: str, pipelined: bool
    ) -> None:
        content = (b"0123456789abcdef" * 50_000)[:size]
        if chunk is None:
            coded = head(b"Content-Length: %d" % size) + content
        else:
            chunks = [content[at : at + max(chunk, 500)] for at in range(0, size, max(chunk, 500))]
            coded = head(b"Transfer-Encoding: chunked") + encode(chunks)
        with closing(Connection(parser)) as connection:
            thread = send(connection, split(coded + (NEXT if pipelined else b""), cuts))
            assert collect(connection.request()) == (content, None)
            assert connection.goes_on()
            thread.join()
            if not pipelined:
                connection.client.sendall(NEXT)
            assert connection.request()["PATH_INFO"] == "/next"

    def test_it_is_the_direct_way(self, connect: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(receive, "_receive_through", lambda _: pytest.fail("read through wsgi.input"))
        for coded in (head(b"Content-Length: 3") + b"abc", head(b"Transfer-Encoding: chunked") + encode([b"abc"])):
            connection = connect()
            connection.client.sendall(coded)
            assert collect(connection.request()) == (b"abc", None)

    def test_one_buffer_per_thread(self, connect: Callable[[], Connection]) -> None:
        connection = connect()
        thread = send(connection, [head(b"Content-Length: 1000000"), bytes(1_000_000)])
        pieces = list(receive.receive(connection.request()))
        thread.join()
        assert len({id(piece.obj) for piece in pieces}) == 1
        assert max(map(len, pieces)) <= receive.BUFFER_BYTES

    def test_the_sockets_timeout_is_given_back(self, connect: Callable[[], Connection]) -> None:
        connection = connect()
        connection.client.sendall(head(b"Content-Length: 3") + b"abc")
        collect(connection.request())
        assert connection.server.gettimeout() is None

    @pytest.mark.parametrize("started", [b"Content-Length: 6", b"Transfer-Encoding: chunked"])
    def test_a_reader_that_was_started_by_others(self, connect: Callable[[], Connection], started: bytes) -> None:
        connection = connect()
        connection.client.sendall(head(started) + (b"abcdef" if b"6" in started else encode([b"abcdef"])))
        environ = connection.request()
        assert environ["wsgi.input"].read(2) == b"ab"
        if b"6" in started:
            environ["CONTENT_LENGTH"] = "4"
        assert collect(environ) == (b"cdef", None)
        assert connection.goes_on()

    @pytest.mark.parametrize("content", [b"", b"abc", bytes(600_000)])
    def test_elsewhere(self, content: bytes) -> None:
        assert collect({"wsgi.input": Elsewhere(content), "CONTENT_LENGTH": str(len(content))}) == (content, None)
        chunked = {"wsgi.input": Elsewhere(content), "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
        assert collect(chunked) == (content, None)

    def test_elsewhere_does_not_read_beyond(self) -> None:
        body = Elsewhere(b"abcdef")
        assert collect({"wsgi.input": body, "CONTENT_LENGTH": "3"}) == (b"abc", None)
        assert body.read() == b"def"


class TestBroken:
    @pytest.mark.parametrize(
        ("coded", "content", "error"),
        [
            (head(b"Content-Length: 10") + b"abc", b"abc", SizeInvalid),
            (head(b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n", b"abc", UploadInvalid),
            (head(b"Transfer-Encoding: chunked") + b"a\r\nabc", b"abc", UploadInvalid),
            (head(b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n", b"abc", UploadInvalid),
            (head(b"Transfer-Encoding: chunked") + b"3\r\nabc\r\ngarbage\r\n", b"abc", UploadInvalid),
            (head(b"Transfer-Encoding: chunked") + b"3\r\nabcdef\r\n0\r\n\r\n", b"abc", UploadInvalid),
        ],
    )
    def test_what_arrived_comes_first(
        self, connect: Callable[[], Connection], coded: bytes, content: bytes, error: type[DomainError]
    ) -> None:
        connection = connect()
        connection.client.sendall(coded)
        connection.client.shutdown(socket.SHUT_WR)
        arrived, caught = collect(connection.request())
        assert (arrived, type(caught)) == (content, error)
        assert not connection.goes_on()
        assert "Connection: close\r\n" in connection.response.default_headers()

    def test_idle(self, connect: Callable[[], Connection]) -> None:
        connection = connect()
        connection.client.sendall(head(b"Content-Length: 10") + b"abc")
        arrived, caught = collect(connection.request(), idle_seconds=0.2)
        assert (arrived, type(caught)) == (b"abc", UploadInvalid)
        assert not connection.goes_on()

    def test_an_empty_piece_now_and_then(
        self, connect: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receive, "_TICK_SECONDS", 0.05)
        connection = connect()
        connection.client.sendall(head(b"Content-Length: 6") + b"abc")
        with closing(receive.receive(connection.request())) as pieces:
            assert [bytes(next(pieces)), bytes(next(pieces))] == [b"abc", b""]
            connection.client.sendall(b"def")
            assert b"".join(bytes(piece) for piece in pieces) == b"def"
        assert connection.goes_on()

    def test_reset(self, connect: Callable[[], Connection]) -> None:
        connection = connect()
        connection.client.sendall(head(b"Content-Length: 10") + b"abc")
        environ = connection.request()
        connection.server.sendall(b"never read")
        connection.client.close()
        arrived, caught = collect(environ)
        assert (arrived, type(caught)) == (b"abc", SizeInvalid)

    def test_abandoned_in_the_middle(self, connect: Callable[[], Connection]) -> None:
        for header in (b"Content-Length: 10", b"Transfer-Encoding: chunked"):
            connection = connect()
            connection.client.sendall(head(header) + (b"abc" if b"10" in header else b"a\r\nabc"))
            with closing(receive.receive(connection.request())) as pieces:
                next(pieces)
            assert not connection.goes_on()

    def test_elsewhere(self) -> None:
        arrived, caught = collect({"wsgi.input": Elsewhere(b"abc"), "CONTENT_LENGTH": "10"})
        assert (arrived, type(caught)) == (b"abc", SizeInvalid)
        assert isinstance(collect({"wsgi.input": Elsewhere(), "HTTP_TRANSFER_ENCODING": "chunked"})[1], UploadInvalid)

    def test_elsewhere_the_input_fails(self) -> None:
        class Failing:
            def read(self, _size: int) -> bytes:
                raise ConnectionResetError

        assert isinstance(collect({"wsgi.input": Failing(), "CONTENT_LENGTH": "10"})[1], UploadInvalid)

    @pytest.mark.parametrize("length", ["x", "-1", "1_0", "\u0663"])
    def test_a_length_that_is_no_number(self, length: str) -> None:
        with pytest.raises(SizeInvalid):
            receive.content_length({"CONTENT_LENGTH": length})


class TestDrain:
    @pytest.mark.parametrize("size", [0, 3, 300_000])
    def test_a_small_body_leaves_the_connection_usable(self, connect: Callable[[], Connection], size: int) -> None:
        for coded in (
            head(b"Content-Length: %d" % size) + bytes(size),
            head(b"Transfer-Encoding: chunked") + encode([bytes(size)]),
        ):
            connection = connect()
            thread = send(connection, [coded])
            receive.drain(connection.request())
            thread.join()
            assert connection.goes_on()

    def test_a_large_body_closes_it(self, connect: Callable[[], Connection]) -> None:
        connection = connect()
        thread = send(connection, [head(b"Content-Length: 900000"), bytes(900_000)])
        receive.drain(connection.request(), limit=300_000)
        assert not connection.goes_on()
        connection.close()
        thread.join()

    def test_a_slow_body_closes_it(self, connect: Callable[[], Connection]) -> None:
        connection = connect()
        connection.client.sendall(head(b"Content-Length: 10") + b"abc")
        receive.drain(connection.request(), seconds=0.1)
        assert not connection.goes_on()

    def test_after_a_broken_body_it_discards(self, connect: Callable[[], Connection]) -> None:
        connection = connect()
        connection.client.sendall(head(b"Transfer-Encoding: chunked") + b"garbage\r\n")
        environ = connection.request()
        collect(environ)
        connection.client.sendall(b"more garbage")
        receive.drain(environ)
        connection.server.setblocking(False)  # noqa: FBT003 - the socket's own signature
        with pytest.raises(BlockingIOError):
            connection.server.recv(1)
        assert not connection.goes_on()
