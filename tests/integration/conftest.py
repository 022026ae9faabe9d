"""Fixtures of the management API's tests."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from flask import Flask

from tests.support.people import People

Caller = Callable[[str | None], httpx.Client]


@pytest.fixture
def caller(app: Flask, people: People) -> Iterator[Caller]:
    """A client of the management API in the name of one of ``people``; None is nobody."""
    made: list[httpx.Client] = []

    def call(name: str | None) -> httpx.Client:
        credentials = people[name].credentials if name else None
        client = httpx.Client(
            transport=httpx.WSGITransport(app=app), base_url="http://registry.test/api/v2.0", auth=credentials
        )
        made.append(client)
        return client

    yield call
    for client in made:
        client.close()


@pytest.fixture
def admin(caller: Caller) -> httpx.Client:
    """The system administrator's client."""
    return caller("admin")


@pytest.fixture
def anonymous(caller: Caller) -> httpx.Client:
    """Nobody's client."""
    return caller(None)
