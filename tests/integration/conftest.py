"""Fixtures of the management API's tests."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from flask import Flask

from tests.support.directory import TEAM, Directory, person
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
def admin(caller: Caller) -> httpx.Client:
    """The system administrator's client."""
    return caller("admin")


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


@pytest.fixture
def directory() -> Iterator[Directory]:
    """A directory that knows Alice, of the group ``team``, and Bob; ``with_directory`` makes it a source."""
    made = Directory()
    made.add(person("alice", groups=(TEAM,)), person("bob"))
    yield made
    made.answers.set()


@pytest.fixture
def registry(client: httpx.Client, people: People) -> httpx.Client:
    """The administrator's client of the registry."""
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    return client
