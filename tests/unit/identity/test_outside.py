"""Bounds on what an outside source may take: threads, time, and calls that never end."""

import threading
from collections.abc import Iterator

import pytest

from app.core.blocking import WouldBlock, forbid_blocking
from app.core.errors import UnavailableError
from app.identity.sources.outside import PAUSE, BoundedSource
from tests.support.clock import MovableClock
from tests.support.directory import PASSWORD, Directory, person


@pytest.fixture
def directory() -> Iterator[Directory]:
    """A directory that knows Alice."""
    made = Directory()
    made.add(person("alice"))
    yield made
    made.answers.set()


def test_calls_that_were_given_up_are_counted_until_they_end(directory: Directory, clock: MovableClock) -> None:
    directory.answers.clear()
    bounded = BoundedSource(directory, clock, at_once=1, time_limit=0.05)
    for _ in range(3):
        with pytest.raises(UnavailableError):
            bounded.verify("alice", PASSWORD)
        clock.forward(PAUSE + 1)
    assert directory.asked == ["alice"]


def test_it_is_asked_by_no_thread_that_must_not_wait(directory: Directory, clock: MovableClock) -> None:
    bounded = BoundedSource(directory, clock, at_once=1, time_limit=5)
    seen: list[type[BaseException]] = []

    def ask() -> None:
        forbid_blocking()
        try:
            bounded.verify("alice", PASSWORD)
        except WouldBlock:
            seen.append(WouldBlock)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert (seen, directory.asked) == ([WouldBlock], [])
