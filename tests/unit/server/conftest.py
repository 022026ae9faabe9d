"""The request loop over a played application."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from app.server.limits import Limits
from tests.support.looped import Looped, Peer, looped
from tests.support.played_application import Played

Serve = Callable[..., Looped]


@pytest.fixture
def played() -> Iterator[Played]:
    """The application."""
    made = Played()
    yield made
    made.let_go.set()
    made.file.close()


@pytest.fixture
def serve(played: Played) -> Iterator[Serve]:
    """Serves it with other limits than the usual ones."""
    with ExitStack() as stack:
        yield lambda **limits: stack.enter_context(looped(played, Limits(**limits)))


@pytest.fixture
def peer(serve: Serve) -> Iterator[Peer]:
    """A connection under the usual limits."""
    with serve().connect() as made:
        yield made
