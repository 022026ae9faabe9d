"""What the request loop lets its peers do: how long, how many, and how it ends."""

import socket
import threading
import time
from contextlib import ExitStack

import pytest

from app.server.limits import Limits
from app.server.loop import Loop
from app.server.share import Board
from tests.support.looped import Peer, ended, eventually, get, looped
from tests.support.played_application import Played
from tests.unit.server.conftest import Serve


class TestDeadlines:
    def test_half_a_head(self, serve: Serve) -> None:
        with serve(head_seconds=0.5).connect() as peer:
            began = time.monotonic()
            peer.send(b"GET / HTTP/1.1\r\n")
            for _ in range(3):
                time.sleep(0.1)
                peer.send(b"X: y\r\n")
            assert peer.read_answer()[0] == 408
            assert time.monotonic() - began < 5

    def test_no_head(self, serve: Serve) -> None:
        with serve(head_seconds=0.3).connect() as peer:
            assert ended(peer)

    def test_idle_between_requests(self, serve: Serve) -> None:
        with serve(idle_seconds=0.5, head_seconds=60).connect() as peer:
            assert peer.send(get("/v2/?x")).read_answer()[2] == b"x"
            assert ended(peer)

    def test_a_body_that_comes_too_slowly(self, serve: Serve) -> None:
        with serve(rate=100, rate_seconds=0.5).connect() as peer:
            peer.send(get("/echo", "Content-Length: 1000"))
            peer.send(b"x")
            assert peer.read_answer()[0] == 408
            assert ended(peer)

    def test_one_that_comes_fast_enough(self, serve: Serve) -> None:
        with serve(rate=100, rate_seconds=0.5).connect() as peer:
            peer.send(get("/echo", "Content-Length: 1000"))
            for _ in range(20):
                peer.send(bytes(50))
                time.sleep(0.1)
            assert peer.read_answer()[0] == 200

    def test_an_answer_nobody_reads(self, serve: Serve) -> None:
        served = serve(rate=1000, rate_seconds=0.5)
        with served.connect() as peer:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(20):
                peer.send(get("/v2/content"))
            assert eventually(lambda: served.loop.connections == 1)
            assert eventually(lambda: served.loop.connections == 0), "what it keeps must not be kept for ever"

    def test_no_thread_waits_for_anybody(self, serve: Serve, played: Played) -> None:
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
    def test_the_oldest_idle_one_gives_way(self, serve: Serve) -> None:
        served = serve(connections=8)
        with ExitStack() as stack:
            peers = []
            for _ in range(20):
                peers.append(stack.enter_context(served.connect()))
                assert peers[-1].send(get("/v2/?x")).read_answer()[2] == b"x"
            assert ended(peers[0])
            assert peers[-1].send(get("/v2/?x")).read_answer()[2] == b"x"

    def test_of_one_address(self, serve: Serve) -> None:
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

    def test_a_proxy_stands_for_many(self, serve: Serve) -> None:
        served = serve(connections_per_address=4, stands_for_many={"127.0.0.1"}.__contains__)
        with ExitStack() as stack:
            peers = [stack.enter_context(served.connect()) for _ in range(12)]
            for _ in range(2):
                for peer in peers:
                    assert peer.send(get("/v2/?x")).read_answer()[2] == b"x"

    def test_those_in_use_do_not_give_way(self, serve: Serve, played: Played) -> None:
        served = serve(connections=4, threads=8)
        with ExitStack() as stack:
            busy = [stack.enter_context(served.connect()).send(get("/wait")) for _ in range(4)]
            time.sleep(0.3)
            assert ended(stack.enter_context(served.connect()))
            played.let_go.set()
            assert [peer.read_answer()[2] for peer in busy] == [b"waited"] * 4

    def test_too_many_requests_wait(self, serve: Serve, played: Played) -> None:
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
