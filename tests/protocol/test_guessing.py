"""Guesses at the same moment are delayed as those one after another are."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
from flask import Flask

from tests.support.people import People

_FREE = 5


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
