"""Fixtures of the registry protocol's tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from flask import Flask

from app.access.roles import Role
from app.context import Ports
from tests.support.accounts import Person, make_project, make_user
from tests.support.serving import RoutedTransport, served

Connect = Callable[[Person], httpx.Client]
InProcess = Callable[[httpx.Client], httpx.Client]


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    """Where the application is served, by our own request loop unless PYHARBOR_TEST_SERVER says otherwise."""
    with served(app) as made:
        yield made


@pytest.fixture
def transport(port: int) -> httpx.BaseTransport:
    """Clients reach the application through that server."""
    return RoutedTransport(port)


@pytest.fixture
def connect(port: int) -> Iterator[Connect]:
    """Makes clients that log in as somebody."""
    with ExitStack() as stack:
        yield lambda person: stack.enter_context(
            httpx.Client(
                transport=RoutedTransport(port), base_url="http://registry.test", auth=person.credentials, timeout=30
            )
        )


@pytest.fixture
def in_process(app: Flask) -> Iterator[InProcess]:
    """Makes a client like another one that calls the application itself: no server looks at what it sends first."""
    with ExitStack() as stack:
        yield lambda other: stack.enter_context(
            httpx.Client(transport=httpx.WSGITransport(app=app), base_url=other.base_url, auth=other.auth)
        )


@pytest.fixture
def root(connect: Connect, ports: Ports) -> httpx.Client:
    """The administrator."""
    return connect(make_user(ports, "root", sysadmin=True))


@pytest.fixture
def pusher(root: httpx.Client, connect: Connect, ports: Ports) -> httpx.Client:
    """A maintainer of the private project ``library-test``."""
    person = make_user(ports, "pusher")
    make_project(ports, "library-test", members={person: Role.MAINTAINER})
    return connect(person)
