"""Bodies read from a socket: all of them whatever their pieces, and what breaks them."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.budget import ByteBudget
from app.core.errors import DomainError, SizeInvalid, UploadInvalid
from app.registry.receive import receive
from app.server.body import BodyRoom, CollectedBody
from app.server.buffers import BLOCK_BYTES
from app.server.framing import Framing
from app.server.head import CHUNKED
from tests.support.bodies import Connection
from tests.unit.server.test_chunked import encode

_FILES = 10_000_000
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A connection."""
    with closing(Connection()) as made:
        yield made


def head(*headers: bytes) -> bytes:
    return b"\r\n".join([b"PATCH /upload HTTP/1.1", b"Host: a", *headers, b"", b""])


def collect(environ: dict[str, Any]) -> tuple[bytes, DomainError | None]:
    """What arrives, and what ends it."""
    content = b""
    try:
        for piece in receive(environ):
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


def trickle(connection: Connection, begin: bytes, pieces: list[bytes], *, seconds: float) -> threading.Thread:
    def run() -> None:
        with suppress(OSError):
            for piece in (begin, *pieces):
                connection.client.sendall(piece)
                time.sleep(seconds)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def split(coded: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(coded) + 1) for cut in cuts), len(coded)]
    return [coded[start:stop] for start, stop in pairwise(edges)]


class TestWhole:
    @settings(deadline=None, max_examples=60)
    @given(
        size=st.integers(0, 700_000),
        cuts=st.lists(st.integers(0, 700_000), max_size=5),
        chunk=st.integers(1, 400_000) | st.none(),
        pipelined=st.booleans(),
    )
    def test_any_body_in_any_pieces(self, size: int, cuts: list[int], chunk: int | None, pipelined: bool) -> None:
        content = (b"0123456789abcdef" * 50_000)[:size]
        if chunk is None:
            coded = head(b"Content-Length: %d" % size) + content
        else:
            chunks = [content[at : at + max(chunk, 500)] for at in range(0, size, max(chunk, 500))]
            coded = head(b"Transfer-Encoding: chunked") + encode(chunks)
        with closing(Connection()) as connection:
            thread = send(connection, split(coded + (NEXT if pipelined else b""), cuts))
            assert collect(connection.request()) == (content, None)
            assert connection.goes_on()
            thread.join()
            if not pipelined:
                connection.client.sendall(NEXT)
            assert connection.request()["PATH_INFO"] == "/next"

    def test_one_block(self, connection: Connection) -> None:
        thread = send(connection, [head(b"Content-Length: 4000000"), bytes(4_000_000)])
        pieces = [piece for piece in receive(connection.request()) if piece]
        thread.join()
        assert len({id(piece.obj) for piece in pieces}) == 1
        assert max(map(len, pieces)) <= BLOCK_BYTES

    @pytest.mark.parametrize("chunk", [None, 1000, 32 * 1024, 300_000])
    def test_pieces_end_at_multiples_of_the_block(self, connection: Connection, chunk: int | None) -> None:
        content = bytes(4_000_000)
        coded = head(b"Content-Length: 4000000") + content
        if chunk is not None:
            chunks = [content[at : at + chunk] for at in range(0, len(content), chunk)]
            coded = head(b"Transfer-Encoding: chunked") + encode(chunks)
        thread = send(connection, [coded[at : at + 50_000] for at in range(0, len(coded), 50_000)])
        sizes = [len(piece) for piece in receive(connection.request())]
        thread.join()
        ends = zip(accumulate(sizes), [*sizes[1:], 0], strict=True)
        assert [end for end, following in ends if following and end % BLOCK_BYTES] == []
        assert sum(sizes) == len(content)

    def test_a_trickle_is_handed_on_before_the_buffer_is_full(self, connection: Connection) -> None:
        thread = trickle(connection, head(b"Content-Length: 400"), [b"x"] * 400, seconds=0.001)
        started = time.monotonic()
        first = len(next(receive(connection.request())))
        assert 0 < first < 400
        assert time.monotonic() - started < 2
        connection.client.close()
        thread.join()

    def test_as_a_file(self, connection: Connection) -> None:
        thread = send(connection, [head(b"Transfer-Encoding: chunked"), encode([b"one\ntwo\n", bytes(300_000)])])
        body = connection.request()["wsgi.input"]
        assert body.readline() == b"one\n"
        assert body.read(4) == b"two\n"
        assert body.read() == bytes(300_000)
        assert body.read(1) == b""
        thread.join()
        assert connection.goes_on()

    def test_an_empty_piece_when_nothing_comes(self, connection: Connection) -> None:
        connection.client.sendall(head(b"Content-Length: 6") + b"abc")
        with closing(receive(connection.request())) as pieces:
            assert [bytes(next(pieces)), bytes(next(pieces))] == [b"abc", b""]
            connection.client.sendall(b"def")
            assert b"".join(bytes(piece) for piece in pieces) == b"def"
        assert connection.goes_on()


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
        self, connection: Connection, coded: bytes, content: bytes, error: type[DomainError]
    ) -> None:
        connection.client.sendall(coded)
        connection.client.shutdown(socket.SHUT_WR)
        arrived, caught = collect(connection.request())
        assert (arrived, type(caught)) == (content, error)
        assert not connection.goes_on()

    def test_too_slow(self, connection: Connection) -> None:
        connection.client.sendall(head(b"Content-Length: 10") + b"abc")
        environ = connection.request()
        assert connection.body is not None
        with closing(receive(environ)) as pieces:
            assert bytes(next(pieces)) == b"abc"
            connection.body.refuse("too slow")
            with pytest.raises(UploadInvalid, match="too slow"):
                list(pieces)
        assert not connection.goes_on()

    def test_reset(self, connection: Connection) -> None:
        connection.client.sendall(head(b"Content-Length: 10") + b"abc")
        environ = connection.request()
        connection.server.sendall(b"never read")
        connection.client.close()
        arrived, caught = collect(environ)
        assert (arrived, type(caught)) == (b"abc", SizeInvalid)

    def test_as_a_file_that_ends_early(self, connection: Connection) -> None:
        connection.client.sendall(head(b"Content-Length: 10") + b"abc")
        connection.client.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError, match="7 bytes before"):
            connection.request()["wsgi.input"].read()

    @pytest.mark.parametrize("header", [b"Content-Length: 10", b"Transfer-Encoding: chunked"])
    def test_abandoned_in_the_middle(self, connection: Connection, header: bytes) -> None:
        connection.client.sendall(head(header) + (b"abc" if b"10" in header else b"a\r\nabc"))
        with closing(receive(connection.request())) as pieces:
            next(pieces)
        assert not connection.goes_on()


def room(memory: int) -> BodyRoom:
    """Room for so much in memory, and for more than enough in files."""
    return BodyRoom(ByteBudget(memory), ByteBudget(_FILES))


class TestCollected:
    @pytest.mark.parametrize("length", [300_000, CHUNKED])
    @pytest.mark.parametrize("budget", [0, 1000, 10_000_000])
    def test_in_memory_or_in_a_file(self, length: int, budget: int) -> None:
        content = bytes(range(256)) * 1200
        content = content[:300_000]
        coded = (content if length != CHUNKED else encode([content[:100_000], content[100_000:]])) + NEXT
        left = room(budget)
        body, rest = CollectedBody(Framing(length), left), b""
        for at in range(0, len(coded), 40_000):
            piece = bytearray(coded[at : at + 40_000])
            rest += body.add(piece, len(piece)) if not body.framing.done else bytes(piece)
        body.rewind()
        assert (body.framing.done, rest, body.error) == (True, NEXT, None)
        assert body.read(10) == content[:10]
        assert body.readline() == content[10:11]
        body.rewind()
        assert b"".join(bytes(piece) for piece in body.pieces()) == content
        body.close()
        assert left.memory.take(budget)
        assert not left.memory.take(1)
        assert left.files.take(_FILES)

    def test_small_ones_use_up_the_budget(self) -> None:
        left = room(1000)
        bodies = [CollectedBody(Framing(400), left) for _ in range(3)]
        for body in bodies:
            body.add(bytearray(400), 400)
        assert left.memory.take(200)
        assert not left.memory.take(1)
        left.memory.give_back(200)
        for body in bodies:
            body.rewind()
            assert body.read() == bytes(400)
            body.close()
        assert left.memory.take(1000)
        assert not left.memory.take(1)
