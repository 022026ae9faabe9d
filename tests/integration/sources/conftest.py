"""Fixtures of the tests of an identity source beside the database."""

from collections.abc import Iterator

import pytest

from app.context import Ports
from tests.support.directory import TEAM, Directory, person, with_directory


@pytest.fixture
def directory() -> Iterator[Directory]:
    """A directory that knows Alice, of the group ``team``, and Bob."""
    made = Directory()
    made.add(person("alice", groups=(TEAM,)), person("bob"))
    yield made
    made.answers.set()


@pytest.fixture
def ports(ports: Ports, directory: Directory) -> Ports:
    """The ports of this test's installation, with the directory as a source."""
    return with_directory(ports, directory)
