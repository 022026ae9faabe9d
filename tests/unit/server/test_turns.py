"""Clients take turns: at the door, for a thread, and with the interpreter lock."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from app.server.limits import Limits
from app.server.loop import Loop
from app.server.pace import Pace
from app.server.pool import Pool
from app.server.turns import Turns
from tests.support.looped import Peer, eventually, get, looped
from tests.support.played_application import Played

_MANY = 400


def test_one_of_each_place_in_turn() -> None:
    turns: Turns[int] = Turns()
    for number in range(5):
        turns.add("a", number)
    turns.add("b", 10)
    turns.add("c", 20)
    turns.add("b", 11)
    assert [turns.take() for _ in range(3)] == [0, 1, 10]
    turns.add("d", 30)
    assert [turns.take() for _ in range(len(turns))] == [2, 20, 11, 30, 3, 4]
    with pytest.raises(IndexError):
        turns.take()


def test_many_new_connections_delay_another_address_by_a_few(played: Played) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2 * _MANY)
    loop = Loop(played, [listener.dup()], Limits())
    with ExitStack() as stack:
        for _ in range(_MANY):
            many = socket.create_connection(listener.getsockname(), 5, ("127.0.0.2", 0))
            stack.enter_context(Peer(many)).send(get("/v2/slow"))
        other = stack.enter_context(Peer(socket.create_connection(listener.getsockname(), 5)))
        other.send(get("/v2/?x"))
        thread = threading.Thread(target=loop.run, daemon=True)
        thread.start()
        assert other.read_answer()[2] == b"x"
        assert len(played.threads) < _MANY // 2
        assert eventually(lambda: len(played.threads) == _MANY + 1), "all of them are served, later"
        loop.stop()
        thread.join(10)
    assert not thread.is_alive()
    listener.close()


def _waiting(go: threading.Event) -> Callable[[], None]:
    def wait() -> None:
        go.wait(5)

    return wait


class TestThreads:
    def test_many_requests_delay_another_place_by_one(self) -> None:
        pool, go, order = Pool(1, "test"), threading.Event(), list[str]()

        def note(name: str) -> Callable[[], None]:
            return lambda: order.append(name)

        pool.submit(_waiting(go), "a")
        for _ in range(50):
            pool.submit(note("a"), "a")
        pool.submit(note("b"), "b")
        go.set()
        assert eventually(lambda: len(order) == 51)
        assert order.index("b") <= 1
        pool.stop(1)

    def test_who_has_less_than_its_share_may_wait_when_others_may_not(self) -> None:
        pool, go = Pool(1, "test"), threading.Event()
        pool.submit(_waiting(go), "a")
        assert eventually(lambda: not pool.busy())
        for _ in range(8):
            assert pool.takes("a", 8)
            pool.submit(lambda: None, "a")
        assert not pool.takes("a", 8)
        for number in range(8):
            assert pool.takes(f"b{number}", 8)
            pool.submit(lambda: None, f"b{number}")
        assert not pool.takes("c", 8), "twice as many are the most"
        go.set()
        pool.stop(1)

    def test_they_begin_one_after_another_while_the_loop_is_late(self) -> None:
        pace, beginnings = Pace(), list[float]()
        pool = Pool(4, "test", pace)

        def note() -> None:
            beginnings.append(time.monotonic())
            time.sleep(0.01)

        pace.begin()
        time.sleep(0.02)
        for _ in range(4):
            pool.submit(note)
        assert eventually(lambda: len(beginnings) == 4)
        assert beginnings[-1] - beginnings[0] >= 0.02
        pool.stop(1)

    def test_a_task_that_lasts_keeps_no_other_from_beginning(self) -> None:
        pace, go, began = Pace(), threading.Event(), threading.Semaphore(0)
        pool = Pool(3, "test", pace)

        def wait() -> None:
            began.release()
            go.wait(5)

        pace.begin()
        time.sleep(0.02)
        for _ in range(3):
            pool.submit(wait)
        assert all(began.acquire(timeout=2) for _ in range(3))
        go.set()
        pool.stop(1)


@pytest.mark.parametrize("path", ["/api/v2.0/ping", "/service/token"])
def test_answers_in_memory_leave_from_the_loops_thread(path: str) -> None:
    threads = list[str]()

    def application(_: object, start: Callable[..., object]) -> Iterator[bytes]:
        start("200 OK", [("Content-Length", "4")])

        def pieces() -> Iterator[bytes]:
            threads.append(threading.current_thread().name)
            yield b"Pong"

        return pieces()

    with looped(application, Limits()) as served, served.connect() as peer:
        for _ in range(2):
            assert peer.send(get(path)).read_answer()[2] == b"Pong"
    assert len(threads) == 2
    assert not any(name.startswith("web") for name in threads)
