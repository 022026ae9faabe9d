"""Guesses at the same moment are delayed as those one after another are."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import httpx
import pytest
from flask import Flask

from tests.support.clock import MovableClock
from tests.support.people import People

_FREE = 5
_LONGER_THAN_REMEMBERED = 61
_LOGINS = 6


def test_many_at_once(app: Flask, client: httpx.Client, people: People) -> None:
    def guess(number: int) -> int:
        with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://registry.test") as guesser:
            return guesser.get("/v2/", auth=(people["guest"].name, f"Wrong{number}")).status_code

    with ThreadPoolExecutor(16) as threads:
        answers = Counter(threads.map(guess, range(32)))
    assert answers.keys() == {401, 429}
    assert answers[401] in (_FREE, _FREE + 1), "one more where the first delay was over meanwhile"
    assert client.get("/v2/", auth=people["master"].credentials).status_code == 200


def test_many_logins_at_once_are_verified_once(app: Flask, people: People) -> None:
    def log_in(_: int) -> int:
        with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://registry.test") as client:
            return client.get("/v2/", auth=people["guest"].credentials).status_code

    with ThreadPoolExecutor(16) as threads:
        assert Counter(threads.map(log_in, range(32))) == {200: 32}


def test_guesses_at_once_keep_nobody_else_waiting(client: httpx.Client, people: People) -> None:
    let_go, looked_at = threading.Event(), threading.Event()

    def look(*_: object) -> bool:
        looked_at.set()
        return not let_go.wait(20)

    def guess(_: int) -> int:
        return client.get("/service/token?service=harbor-registry", auth=(people["guest"].name, "Wrong1")).status_code

    with mock.patch("app.identity.passwords.Passwords.verify", side_effect=look), ThreadPoolExecutor(3) as threads:
        answers = threads.map(guess, range(3))
        try:
            assert looked_at.wait(5)
            for _ in range(5):
                assert client.get("/api/v2.0/ping", timeout=2).status_code == 200
        finally:
            let_go.set()
        assert set(answers) <= {401, 429}


@pytest.fixture
def costly_passwords() -> Iterator[None]:
    """Hash as in production, so that guesses fill the line."""
    with mock.patch.multiple("app.identity.passwords", _MEMORY_KIB=19_456, _PASSES=2):
        yield


@pytest.mark.usefixtures("costly_passwords")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_guessers_at_many_addresses_do_not_lock_out_who_is_known(
    app: Flask, people: People, clock: MovableClock
) -> None:
    ended = threading.Event()

    def at(address: str) -> httpx.Client:
        transport = httpx.WSGITransport(app=app, remote_addr=address)
        return httpx.Client(transport=transport, base_url="http://registry.test")

    def guess(number: int) -> Counter[int]:
        answers: Counter[int] = Counter()
        while not ended.is_set():
            with at(f"2001:db8:{number:x}:{answers.total():x}::1") as guesser:
                answers[guesser.get("/v2/", auth=(f"{number}-{answers.total()}", "Wrong12345")).status_code] += 1
        return answers

    def log_in() -> int:
        clock.forward(_LONGER_THAN_REMEMBERED)
        with at("10.0.0.1") as owner:
            return owner.get("/v2/", auth=people["guest"].credentials).status_code

    assert log_in() == 200
    with ThreadPoolExecutor(40) as threads:
        guesses = [threads.submit(guess, number) for number in range(40)]
        try:
            owner = Counter(log_in() for _ in range(_LOGINS))
        finally:
            ended.set()
        others = sum((each.result() for each in guesses), Counter())
    assert owner == {200: _LOGINS}
    assert others[503] > others[401]
