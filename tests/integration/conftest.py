"""Fixtures of the management API's tests."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from flask import Flask

from tests.support.people import People
from tests.support.robots import MadeRobot

Caller = Callable[[str | None], httpx.Client]
AsRobot = Callable[[MadeRobot], httpx.Client]


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
def anonymous(caller: Caller) -> httpx.Client:
    """Nobody's client."""
    return caller(None)


@pytest.fixture
def as_robot(app: Flask) -> Iterator[AsRobot]:
    """A client of the management API in the name of a robot."""
    made: list[httpx.Client] = []

    def connect(robot: MadeRobot) -> httpx.Client:
        transport = httpx.WSGITransport(app=app)
        made.append(httpx.Client(transport=transport, base_url="http://registry.test/api/v2.0", auth=robot.credentials))
        return made[-1]

    yield connect
    for client in made:
        client.close()
