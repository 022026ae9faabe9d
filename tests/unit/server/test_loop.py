"""The request loop over small applications, spoken to over bare sockets."""

import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from app.core.blocking import about_to_block
from app.server.limits import Limits
from app.server.loop import Loop
from app.server.share import Board
from app.storage.receive import close_after_answer
from tests.support.looped import Looped, Peer, looped

Environ = dict[str, Any]
Start = Callable[..., Any]
_LARGE = 3_000_064


def ok(start: Start, body: bytes, *headers: tuple[str, str]) -> tuple[bytes, ...]:
    """An answer of known length."""
    start("200 OK", [("Content-Length", str(len(body))), *headers])
    return (body,)


class Played:
    """An application whose answers are told by the path; ``/v2/`` paths are quick."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.let_go = threading.Event()
        self.closed = threading.Event()
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the fixture
        self.file.write(bytes(range(256)) * (_LARGE // 256))
        self.file.flush()

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer."""
        self.threads.append(threading.current_thread().name)
        what = environ["PATH_INFO"].rpartition("/")[2]
        answer: Iterable[bytes] = getattr(self, what or "ping")(environ, start)
        return answer

    def ping(self, environ: Environ, start: Start) -> Iterable[bytes]:
        return ok(start, environ["QUERY_STRING"].encode())

    health = ping

    def echo(self, environ: Environ, start: Start) -> Iterable[bytes]:
        return ok(start, environ["wsgi.input"].read())

    def refuse(self, _: Environ, start: Start) -> Iterable[bytes]:
        start("403 Forbidden", [("Content-Length", "2")])
        return [b"no"]

    def empty(self, _: Environ, start: Start) -> Iterable[bytes]:
        start("204 No Content", [("Content-Length", "0")])
        return ()

    def wait(self, _: Environ, start: Start) -> Iterable[bytes]:
        about_to_block()
        self.let_go.wait(20)
        return ok(start, b"waited")

    def pieces(self, _: Environ, start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        try:
            for number in range(50):
                yield b"%d," % number * 1000
                yield b""
        finally:
            self.closed.set()

    def content(self, environ: Environ, start: Start) -> Iterable[bytes]:
        size = int(environ["QUERY_STRING"] or _LARGE)
        start("200 OK", [("Content-Length", str(size))])
        copy = os.fdopen(os.dup(self.file.fileno()), "rb")
        copy.seek(0)
        answer: Iterable[bytes] = environ["wsgi.file_wrapper"](copy)
        return answer

    def fail(self, _: Environ, __: Start) -> Iterable[bytes]:
        raise KeyError

    def late(self, _: Environ, start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return self._late()

    def _late(self) -> Iterator[bytes]:
        yield b"begun"
        raise KeyError

    def inject(self, _: Environ, start: Start) -> Iterable[bytes]:
        return ok(start, b"", ("X-A", "a\r\nX-B: b"))

    def nothing(self, _: Environ, __: Start) -> Iterable[bytes]:
        return [b"no head"]

    def goodbye(self, environ: Environ, start: Start) -> Iterable[bytes]:
        close_after_answer(environ)
        return ok(start, b"bye")


@pytest.fixture
def played() -> Iterator[Played]:
    """The application."""
    made = Played()
    yield made
    made.let_go.set()
    made.file.close()


@pytest.fixture
def serve(played: Played) -> Iterator[Callable[..., Looped]]:
    """Serves it with other limits than the usual ones."""
    with ExitStack() as stack:
        yield lambda **limits: stack.enter_context(looped(played, Limits(**limits)))


@pytest.fixture
def peer(serve: Callable[..., Looped]) -> Iterator[Peer]:
    """A connection under the usual limits."""
    with serve().connect() as made:
        yield made


def get(path: str, *lines: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    """A request."""
    if body:
        lines = (*lines, f"Content-Length: {len(body)}")
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: a", *lines, "", ""]).encode() + body


def ended(peer: Peer) -> bool:
    """Whether the server has ended the connection."""
    try:
        return peer.socket.recv(1) == b""
    except ConnectionResetError:
        return True


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it holds within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return False


class TestAnswers:
    def test_one_after_the_other(self, peer: Peer) -> None:
        for number in range(3):
            status, headers, body = peer.send(get(f"/v2/?{number}")).read_answer()
            assert (status, headers["connection"], body) == (200, "keep-alive", b"%d" % number)

    def test_pipelined_ones_in_order(self, peer: Peer, played: Played) -> None:
        played.let_go.set()
        paths = ["/v2/?1", "/wait", "/v2/?2", "/v2/pieces", "/echo", "/v2/content?5", "/v2/content", "/v2/?3"]
        peer.send(b"".join(get(path) if path != "/echo" else get(path, body=b"hello") for path in paths))
        bodies = [peer.read_answer()[2] for _ in paths]
        assert bodies[:3] == [b"1", b"waited", b"2"]
        assert len(bodies[3]) == sum(len(b"%d," % number) * 1000 for number in range(50))
        assert bodies[4:6] == [b"hello", bytes(range(5))]
        assert len(bodies[6]) == _LARGE
        assert bodies[7] == b"3"

    def test_the_loop_answers_what_is_quick_and_threads_the_rest(self, peer: Peer, played: Played) -> None:
        played.let_go.set()
        for path in ("/v2/", "/ping", "/v2/wait"):
            assert peer.send(get(path)).read_answer()[0] == 200
        names = [name.partition("-")[0] for name in played.threads]
        assert names == ["looped", "web", "looped", "web"], "what would wait is tried by the loop first"

    def test_without_bodies(self, peer: Peer) -> None:
        status, headers, _ = peer.send(get("/v2/?abc", method="HEAD")).read_answer(bodiless=True)
        assert (status, headers["content-length"]) == (200, "3")
        status, headers, _ = peer.send(get("/v2/empty")).read_answer()
        assert (status, "content-length" in headers) == (204, False)
        assert peer.send(get("/v2/content", method="HEAD")).read_answer(bodiless=True)[1]["content-length"]
        assert peer.send(get("/v2/?on")).read_answer()[2] == b"on"

    def test_http_1_0(self, serve: Callable[..., Looped]) -> None:
        served = serve()
        with served.connect() as peer:
            answer = peer.send(get("/v2/?x", version="1.0")).read_all()
            assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
            assert b"Connection: close\r\n" in answer
        with served.connect() as peer:
            request = get("/v2/?x", "Connection: keep-alive", version="1.0")
            assert peer.send(request).read_answer()[2] == b"x"
            assert peer.send(request).read_answer()[2] == b"x"
        with served.connect() as peer:
            answer = peer.send(get("/pieces", version="1.0")).read_all()
            assert b"chunked" not in answer
            assert answer.endswith(b"49,49,")

    def test_the_client_ends_it(self, peer: Peer) -> None:
        status, headers, body = peer.send(get("/v2/?x", "Connection: close")).read_answer()
        assert (status, headers["connection"], body) == (200, "close", b"x")
        assert ended(peer)

    def test_the_application_ends_it(self, peer: Peer) -> None:
        assert peer.send(get("/v2/goodbye")).read_answer()[1]["connection"] == "close"
        assert ended(peer)

    @pytest.mark.parametrize("path", ["/v2/?x", "/ping?x", "/pieces", "/v2/content"])
    def test_half_closed(self, peer: Peer, path: str) -> None:
        peer.send(get(path)).socket.shutdown(socket.SHUT_WR)
        assert peer.read_answer()[0] == 200
        assert ended(peer)

    @pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, _LARGE])
    def test_files(self, peer: Peer, size: int) -> None:
        expected = (bytes(range(256)) * (_LARGE // 256))[:size]
        for _ in range(2):
            assert peer.send(get(f"/v2/content?{size or '00'}")).read_answer()[2] == expected
            assert peer.send(get(f"/content?{size or '00'}")).read_answer()[2] == expected

    def test_a_file_that_is_shorter_ends_the_connection(self, peer: Peer) -> None:
        peer.send(get(f"/v2/content?{_LARGE * 2}"))
        assert len(peer.read_all()) < _LARGE + 1000


class TestFailures:
    @pytest.mark.parametrize("path", ["/v2/fail", "/fail", "/v2/inject", "/v2/nothing", "/nothing"])
    def test_a_failing_application(self, peer: Peer, path: str) -> None:
        status, headers, body = peer.send(get(path)).read_answer()
        assert (status, headers["content-type"]) == (500, "application/json")
        assert b"X-B" not in str(headers).encode() + body
        assert ended(peer)

    def test_one_that_fails_in_the_middle(self, peer: Peer) -> None:
        answer = peer.send(get("/late")).read_all()
        assert answer.endswith(b"5\r\nbegun\r\n"), "no end of the chunks, so that the client notices"

    def test_no_request(self, peer: Peer) -> None:
        status, headers, body = peer.send(b"nonsense\r\n\r\n").read_answer()
        assert (status, headers["connection"]) == (400, "close")
        assert b'{"errors":[{"code":"BAD_REQUEST"' in body
        assert ended(peer)

    def test_a_peer_that_resets(self, serve: Callable[..., Looped], played: Played) -> None:
        served = serve()
        peer = served.connect()
        peer.send(get("/pieces")).socket.recv(10)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        peer.socket.close()
        assert played.closed.wait(5)
        with served.connect() as other:
            assert other.send(get("/v2/?x")).read_answer()[2] == b"x"


class TestBodies:
    @pytest.mark.parametrize("size", [1, 100_000, 4_000_000])
    def test_collected(self, peer: Peer, size: int) -> None:
        body = os.urandom(size)
        sender = threading.Thread(target=peer.send, args=(get("/echo", body=body) + get("/v2/?on"),))
        sender.start()
        assert peer.read_answer()[2] == body
        assert peer.read_answer()[2] == b"on"
        sender.join()

    def test_chunked(self, peer: Peer) -> None:
        head = get("/echo", "Transfer-Encoding: chunked", method="PUT")
        peer.send(head + b"3\r\nabc\r\n").send(b"5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n" + get("/v2/?on"))
        assert peer.read_answer()[2] == b"abchello"
        assert peer.read_answer()[2] == b"on"

    def test_larger_than_what_is_collected(self, peer: Peer) -> None:
        body = os.urandom(6_000_000)
        sender = threading.Thread(target=peer.send, args=(get("/echo", body=body),))
        sender.start()
        assert peer.read_answer()[2] == body
        sender.join()

    def test_continue(self, peer: Peer) -> None:
        peer.send(get("/echo", "Expect: 100-continue", "Content-Length: 5"))
        assert peer.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert peer.send(b"hello").read_answer()[2] == b"hello"

    @pytest.mark.parametrize("framing", ["Content-Length: 3", "Transfer-Encoding: chunked"])
    def test_one_nobody_reads_that_is_here_already(self, peer: Peer, framing: str) -> None:
        began = time.monotonic()
        body = b"abc" if "Length" in framing else b"3\r\nabc\r\n0\r\n\r\n"
        peer.send(get("/v2/a/blobs/uploads/refuse", framing, method="PATCH") + body + get("/v2/?on"))
        status, headers, _ = peer.read_answer()
        assert (status, headers["connection"]) == (403, "keep-alive")
        assert peer.read_answer()[2] == b"on"
        assert time.monotonic() - began < 2

    @pytest.mark.parametrize("framing", ["Content-Length: 200000", "Transfer-Encoding: chunked"])
    def test_one_nobody_reads_is_thrown_away(self, peer: Peer, framing: str) -> None:
        peer.send(get("/v2/a/blobs/uploads/refuse", framing, method="PATCH"))
        peer.send(bytes(200_000) if "Length" in framing else b"30d40\r\n" + bytes(200_000) + b"\r\n0\r\n\r\n")
        status, headers, _ = peer.read_answer()
        assert (status, headers["connection"]) == (403, "keep-alive")
        assert peer.send(get("/v2/?on")).read_answer()[2] == b"on"

    def test_a_large_one_nobody_reads_ends_the_connection(self, peer: Peer) -> None:
        peer.send(get("/v2/a/blobs/uploads/refuse", "Content-Length: 100000000", method="PATCH") + bytes(100_000))
        status, headers, body = peer.read_answer()
        assert (status, headers["connection"], body) == (403, "close", b"no")
        assert ended(peer)

    def test_one_nobody_reads_and_nobody_sends(self, serve: Callable[..., Looped]) -> None:
        with serve(drain_seconds=0.3).connect() as peer:
            peer.send(get("/v2/a/blobs/uploads/refuse", "Content-Length: 1000", method="PATCH"))
            assert peer.read_answer()[1]["connection"] == "close"
            assert ended(peer)


class TestDeadlines:
    def test_half_a_head(self, serve: Callable[..., Looped]) -> None:
        with serve(head_seconds=0.5).connect() as peer:
            began = time.monotonic()
            peer.send(b"GET / HTTP/1.1\r\n")
            for _ in range(3):
                time.sleep(0.1)
                peer.send(b"X: y\r\n")
            assert peer.read_answer()[0] == 408
            assert time.monotonic() - began < 5

    def test_no_head(self, serve: Callable[..., Looped]) -> None:
        with serve(head_seconds=0.3).connect() as peer:
            assert ended(peer)

    def test_idle_between_requests(self, serve: Callable[..., Looped]) -> None:
        with serve(idle_seconds=0.5, head_seconds=60).connect() as peer:
            assert peer.send(get("/v2/?x")).read_answer()[2] == b"x"
            assert ended(peer)

    def test_a_body_that_comes_too_slowly(self, serve: Callable[..., Looped]) -> None:
        with serve(rate=100, rate_seconds=0.5).connect() as peer:
            peer.send(get("/echo", "Content-Length: 1000"))
            peer.send(b"x")
            assert peer.read_answer()[0] == 408
            assert ended(peer)

    def test_one_that_comes_fast_enough(self, serve: Callable[..., Looped]) -> None:
        with serve(rate=100, rate_seconds=0.5).connect() as peer:
            peer.send(get("/echo", "Content-Length: 1000"))
            for _ in range(20):
                peer.send(bytes(50))
                time.sleep(0.1)
            assert peer.read_answer()[0] == 200

    def test_an_answer_nobody_reads(self, serve: Callable[..., Looped]) -> None:
        served = serve(rate=1000, rate_seconds=0.5)
        with served.connect() as peer:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(20):
                peer.send(get("/v2/content"))
            assert eventually(lambda: served.loop.connections == 1)
            assert eventually(lambda: served.loop.connections == 0), "what it keeps must not be kept for ever"

    def test_no_thread_waits_for_anybody(self, serve: Callable[..., Looped], played: Played) -> None:
        served = serve(threads=2)
        with ExitStack() as stack:
            for number in range(60):
                peer = stack.enter_context(served.connect())
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                peer.send(
                    [b"", b"GET /", get("/echo", "Content-Length: 9"), get("/content"), get("/pieces")][number % 5]
                )
            time.sleep(0.3)
            other = stack.enter_context(served.connect())
            assert other.send(get("/echo", body=b"hello")).read_answer()[2] == b"hello"
        assert {name.partition("-")[0] for name in played.threads} == {"web"}


class TestBounds:
    def test_the_oldest_idle_one_gives_way(self, serve: Callable[..., Looped]) -> None:
        served = serve(connections=8)
        with ExitStack() as stack:
            peers = []
            for _ in range(20):
                peers.append(stack.enter_context(served.connect()))
                assert peers[-1].send(get("/v2/?x")).read_answer()[2] == b"x"
            assert ended(peers[0])
            assert peers[-1].send(get("/v2/?x")).read_answer()[2] == b"x"

    def test_of_one_address(self, serve: Callable[..., Looped]) -> None:
        served = serve(connections_per_address=4)
        with ExitStack() as stack:
            other = socket.create_connection(("127.0.0.1", served.port), 5, ("127.0.0.2", 0))
            elsewhere = stack.enter_context(Peer(other))
            assert elsewhere.send(get("/v2/?x")).read_answer()[2] == b"x"
            peers = []
            for _ in range(12):
                peers.append(stack.enter_context(served.connect()))
                assert peers[-1].send(get("/v2/?x")).read_answer()[2] == b"x"
            assert ended(peers[0])
            assert elsewhere.send(get("/v2/?x")).read_answer()[2] == b"x"

    def test_those_in_use_do_not_give_way(self, serve: Callable[..., Looped], played: Played) -> None:
        served = serve(connections=4, threads=8)
        with ExitStack() as stack:
            busy = [stack.enter_context(served.connect()).send(get("/wait")) for _ in range(4)]
            time.sleep(0.3)
            assert ended(stack.enter_context(served.connect()))
            played.let_go.set()
            assert [peer.read_answer()[2] for peer in busy] == [b"waited"] * 4

    def test_too_many_requests_wait(self, serve: Callable[..., Looped], played: Played) -> None:
        served = serve(threads=1, waiting=2)
        with ExitStack() as stack:
            busy = [stack.enter_context(served.connect()).send(get("/wait")) for _ in range(3)]
            time.sleep(0.3)
            status, headers, _ = stack.enter_context(served.connect()).send(get("/wait")).read_answer()
            assert (status, headers["retry-after"]) == (503, "1")
            reserved = stack.enter_context(served.connect()).send(get("/api/v2.0/health", "Connection: close"))
            assert reserved.read_answer()[0] == 200, "whoever watches is answered all the same"
            played.let_go.set()
            assert [peer.read_answer()[2] for peer in busy] == [b"waited"] * 3


def test_it_stops_when_requests_are_answered(played: Played) -> None:
    with looped(played) as served, served.connect() as busy, served.connect() as idle:
        idle.send(get("/v2/?x")).read_answer()
        busy.send(get("/wait"))
        time.sleep(0.2)
        served.loop.stop()
        time.sleep(0.2)
        status, headers, body = idle.send(get("/v2/?late")).read_answer()
        assert (status, headers["connection"], body) == (200, "close", b"late")
        played.let_go.set()
        assert busy.read_answer()[2] == b"waited"
        with pytest.raises(ConnectionRefusedError):
            served.connect()


def test_connections_are_shared_out(played: Played) -> None:
    board = Board()
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    loops = [Loop(played, [listener.dup()], Limits(), board.seat(number)) for number in range(2)]
    threads = [threading.Thread(target=loop.run, daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    with ExitStack() as stack:
        for _ in range(40):
            peer = stack.enter_context(Peer(socket.create_connection(listener.getsockname(), 5)))
            assert peer.send(get("/v2/?x")).read_answer()[2] == b"x"
        counts = sorted(loop.connections for loop in loops)
    assert counts[0] >= 16, "nearly the same for both, and all of them"
    assert sum(counts) == 40
    for loop, thread in zip(loops, threads, strict=True):
        loop.stop()
        thread.join(10)
        assert not thread.is_alive()
    listener.close()
