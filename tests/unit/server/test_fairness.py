"""What the request loop does that one peer's doings are no other's trouble."""

import socket
import threading
import time
from contextlib import ExitStack
from unittest import mock

import pytest

from app.server.framing import Framing
from app.server.limits import Limits
from app.server.pool import Pool
from app.server.routing import is_reserved, is_streamed
from app.server.wire import place_of
from app.server.worker import within
from tests.support.looped import Peer, ended, eventually, get
from tests.support.played_application import Played
from tests.unit.server.conftest import Serve


def test_many_requests_at_once_keep_no_other_waiting(serve: Serve) -> None:
    served = serve()
    with served.connect() as many, served.connect() as other:
        many.send(get("/v2/slow") * 1000)
        for _ in range(5):
            began = time.monotonic()
            assert other.send(get("/v2/?x")).read_answer()[2] == b"x"
            assert time.monotonic() - began < 0.5, "all of them take more than two seconds"


@pytest.mark.parametrize("path", ["/v2/", "/ping", "/v2/wait"])
def test_many_requests_at_once_are_answered_in_order(peer: Peer, played: Played, path: str) -> None:
    played.let_go.set()
    peer.send(b"".join(get(f"{path}?{number}") + get(f"/v2/?{number}") for number in range(300)))
    for number in range(300):
        assert peer.read_answer()[0] == 200
        assert peer.read_answer()[2] == b"%d" % number


@pytest.mark.parametrize("begin", [b"GET / HTTP/1.1\r\nX: ", get("/wait") + b"GET / HTTP/1.1\r\nX: "])
def test_what_cannot_be_served_yet_has_a_bound(serve: Serve, played: Played, begin: bytes) -> None:
    served = serve(held=500_000, threads=64)
    with ExitStack() as stack:
        peers = [stack.enter_context(served.connect()).send(begin + bytes(60_000)) for _ in range(40)]
        loop = served.loop
        assert eventually(lambda: sum(len(each.buffer) for each in loop._connections.values()) <= 500_000)
        assert stack.enter_context(served.connect()).send(get("/v2/?x")).read_answer()[2] == b"x"
        played.let_go.set()
        assert any(ended(peer) or peer.read_all() for peer in peers)


@pytest.mark.parametrize("request_", [get("/echo", "Content-Length: 9"), get("/v2/content") * 9])
def test_who_does_nothing_gives_way_when_there_is_no_room(serve: Serve, request_: bytes) -> None:
    served = serve(connections=8, stalled_seconds=0.3)
    with ExitStack() as stack:
        for _ in range(8):
            peer = stack.enter_context(served.connect())
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.send(request_)

        def is_served() -> bool:
            try:
                with served.connect() as other:
                    return other.send(get("/v2/?x")).read_answer()[2] == b"x"
            except (OSError, IndexError):
                return False

        assert eventually(is_served)


def test_who_does_nothing_is_let_be_while_there_is_room(serve: Serve) -> None:
    served = serve(connections=80, stalled_seconds=0.1)
    with served.connect() as peer:
        peer.send(get("/echo", "Content-Length: 5"))
        time.sleep(1.5)
        assert peer.send(b"hello").read_answer()[2] == b"hello"


def test_answers_that_nobody_reads_have_a_bound(serve: Serve, played: Played) -> None:
    served = serve(unread=5_000_000, stalled_seconds=0.3)
    with ExitStack() as stack:
        for number in range(9):
            peer = stack.enter_context(served.connect())
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.send(get("/v2/large") * (1 + number % 2))
        loop = served.loop
        assert eventually(lambda: len(played.threads) >= 9)
        assert eventually(lambda: sum(each.unread for each in loop._connections.values()) <= 5_000_000)


@pytest.mark.parametrize(
    ("address", "same"),
    [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8:0:1::1", "2001:db8::1:ffff:1:1:2"), ("fe80::1%eth0", "fe80::2")],
)
def test_one_place(address: str, same: str) -> None:
    assert place_of(address) == place_of(same)
    assert place_of(address) not in (place_of("192.0.2.2"), place_of("2001:db8:0:2::1"))


def test_large_bodies_have_a_bound_together(serve: Serve) -> None:
    served = serve(collected_in_files=1_000_000)
    with ExitStack() as stack:
        peers = [
            stack.enter_context(served.connect()).send(get("/echo", "Content-Length: 400001") + bytes(400_000))
            for _ in range(3)
        ]
        assert eventually(lambda: any(map(_has_answer, peers)))
        answers = [peer for peer in peers if _has_answer(peer)]
        assert [peer.read_answer()[0] for peer in answers] == [503]
        for peer in peers:
            if peer not in answers:
                assert len(peer.send(b"x").read_answer()[2]) == 400_001
        assert eventually(lambda: served.loop.room.files.take(1_000_000))


def _has_answer(peer: Peer) -> bool:
    peer.socket.settimeout(0.5)
    try:
        return bool(peer.socket.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False
    finally:
        peer.socket.settimeout(20)


def test_half_a_head_has_its_time_when_the_process_ends(serve: Serve) -> None:
    served = serve()
    with served.connect() as peer, served.connect() as other:
        peer.send(b"GET /v2/?late HTTP/1.1\r\n")
        other.send(get("/v2/?x")).read_answer()
        served.loop.stop()
        time.sleep(1.2)
        assert peer.send(b"Host: a\r\n\r\n").read_answer()[2] == b"late"


@pytest.mark.parametrize("path", ["/echo", "/v2/a/blobs/uploads/refuse"])
def test_chunks_of_a_byte_keep_no_other_waiting(serve: Serve, path: str) -> None:
    served = serve()
    body = b"1\r\nx\r\n" * 400_000 + b"0\r\n\r\n"
    decoded = [0]
    turn, take = served.loop._turn, Framing.take

    def count_turn() -> None:
        decoded.append(0)
        turn()

    def count(framing: Framing, buffer: bytearray, count: int, start: int = 0) -> tuple[int, bytes]:
        if served.loop.is_here():
            decoded[-1] += count
        return take(framing, buffer, count, start)

    with (
        mock.patch.object(served.loop, "_turn", count_turn),
        mock.patch.object(Framing, "take", count),
        served.connect() as peer,
    ):
        request = get(path, "Transfer-Encoding: chunked", method="PUT") + body
        sender = threading.Thread(target=peer.send, args=(request,))
        sender.start()
        assert peer.read_answer()[0] in (200, 403)
        sender.join()
    assert 0 < max(decoded) <= 64 * 1024, "of one connection, in one turn"


class TestPool:
    def test_as_many_threads_as_tasks(self) -> None:
        pool, together = Pool(8, "test"), threading.Barrier(8)

        def wait() -> None:
            together.wait(5)

        for _ in range(8):
            pool.submit(wait)
        assert eventually(lambda: not pool.busy() and together.n_waiting == 0)
        assert not together.broken
        pool.stop(1)

    def test_no_thread_can_be_had(self) -> None:
        pool, done = Pool(2, "test"), threading.Event()
        with mock.patch("threading.Thread.start", side_effect=RuntimeError):
            pool.submit(done.set)
        assert not done.wait(0.1)
        pool.submit(lambda: None)
        assert done.wait(5), "once there is one it does what was left"
        pool.stop(1)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/a/blobs/uploads/", True),
        ("/v2/a/blobs/uploads", True),
        ("/v2/a/blobs/uploads/some-session", True),
        ("/v2/a/blobs/uploads/b/manifests/latest", False),
        ("/v2/a/blobs/uploads/b/blobs/uploads/some-session", True),
        ("/v2/a/manifests/uploads", False),
        ("/api/v2.0/a/blobs/uploads/", False),
    ],
)
def test_only_uploads_stay_on_the_socket(path: str, expected: bool) -> None:
    assert is_streamed(path) is expected


def test_no_thread_is_kept_back_for_passwords() -> None:
    assert is_reserved("/v2/", "")
    assert is_reserved("/v2/", "Bearer x")
    assert not is_reserved("/v2/", "basic eDp5")
    assert is_reserved("/api/v2.0/health", "Basic eDp5")


def test_no_more_connections_than_descriptors() -> None:
    assert within(1024, Limits()).connections == 384
    assert within(2**20, Limits()).connections == 8192
    assert within(-1, Limits()).connections == 8192
