"""The request loop over a small application, spoken to over bare sockets: answers, failures, bodies."""

import os
import socket
import threading
import time

import pytest

from tests.support.looped import Peer, ended, get
from tests.support.played_application import LARGE, Played
from tests.unit.server.conftest import Serve


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
        assert len(bodies[6]) == LARGE
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

    def test_http_1_0(self, serve: Serve) -> None:
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

    @pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, LARGE])
    def test_files(self, peer: Peer, size: int) -> None:
        expected = (bytes(range(256)) * (LARGE // 256))[:size]
        for _ in range(2):
            assert peer.send(get(f"/v2/content?{size or '00'}")).read_answer()[2] == expected
            assert peer.send(get(f"/content?{size or '00'}")).read_answer()[2] == expected

    def test_a_file_that_is_shorter_ends_the_connection(self, peer: Peer) -> None:
        peer.send(get(f"/v2/content?{LARGE * 2}"))
        assert len(peer.read_all()) < LARGE + 1000


class TestFailures:
    @pytest.mark.parametrize(
        "path",
        [
            *("/v2/fail", "/fail", "/v2/inject", "/v2/nothing", "/nothing"),
            *("/v2/no_body", "/no_body", "/v2/numbers", "/numbers", "/v2/no_file", "/no_file"),
        ],
    )
    def test_a_failing_application(self, peer: Peer, path: str) -> None:
        status, headers, body = peer.send(get(path)).read_answer()
        assert (status, headers["content-type"]) == (500, "application/json")
        assert b"X-B" not in str(headers).encode() + body
        assert ended(peer)

    def test_one_that_fails_in_the_middle(self, peer: Peer) -> None:
        answer = peer.send(get("/late")).read_all()
        assert answer.endswith(b"5\r\nbegun\r\n"), "no end of the chunks, so that the client notices"

    def test_an_end_that_would_wait(self, serve: Serve, played: Played) -> None:
        served = serve()
        for path in ("/v2/slow_end", "/v2/slow_end?5"):
            with served.connect() as peer:
                played.closed.clear()
                assert peer.send(get(path)).read_answer()[0] == 200
                assert peer.send(get("/v2/?on")).read_answer()[2] == b"on"
                assert played.closed.wait(5)

    def test_no_request(self, peer: Peer) -> None:
        status, headers, body = peer.send(b"nonsense\r\n\r\n").read_answer()
        assert (status, headers["connection"]) == (400, "close")
        assert b'{"errors":[{"code":"BAD_REQUEST"' in body
        assert ended(peer)

    def test_a_peer_that_resets(self, serve: Serve, played: Played) -> None:
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

    @pytest.mark.parametrize("framing", ["Content-Length: 3000", "Transfer-Encoding: chunked"])
    def test_one_that_is_too_large_is_not_read_in_part(self, serve: Serve, framing: str) -> None:
        body = bytes(3000) if "Length" in framing else b"bb8\r\n" + bytes(3000) + b"\r\n0\r\n\r\n"
        with serve(collected=1000).connect() as peer:
            peer.send(get("/echo", framing, method="PUT") + body[:2000])
            time.sleep(0.2)
            peer.send(body[2000:])
            assert peer.read_answer()[0] == 500
            assert ended(peer)

    @pytest.mark.parametrize(
        "begin", [b"Content-Length: 9\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]
    )
    @pytest.mark.parametrize("path", ["/echo", "/service/token/echo"])
    def test_one_that_ends_early_is_refused(self, peer: Peer, played: Played, begin: bytes, path: str) -> None:
        peer.send(f"POST {path} HTTP/1.1\r\nHost: a\r\n".encode() + begin).socket.shutdown(socket.SHUT_WR)
        status, headers, content = peer.read_answer()
        assert (status, headers["connection"]) == (400, "close")
        assert b'"code":"SIZE_INVALID"' in content
        assert ended(peer)
        assert played.threads == [], "nothing is done with a part of a body"
        assert ended(peer)

    def test_no_thread_waits_for_a_large_one(self, serve: Serve) -> None:
        served = serve(threads=1, collected=1000)
        with served.connect() as silent, served.connect() as other:
            silent.send(get("/echo", "Content-Length: 2000", method="PUT"))
            assert other.send(get("/echo", body=b"hello")).read_answer()[2] == b"hello"

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

    def test_one_nobody_reads_and_nobody_sends(self, serve: Serve) -> None:
        with serve(drain_seconds=0.3).connect() as peer:
            peer.send(get("/v2/a/blobs/uploads/refuse", "Content-Length: 1000", method="PATCH"))
            assert peer.read_answer()[1]["connection"] == "close"
            assert ended(peer)
