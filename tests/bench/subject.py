"""A server under test with what was prepared on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.bench.client import Connection
from tests.bench.content import Content, Image, push_blob
from tests.bench.metrics import Figures
from tests.bench.process_tree import Meter
from tests.bench.server import HOST, Server, pulling, pushing

REPOSITORY: Final = "library/bench"
TEN_MIB: Final = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    seconds: int
    """Of each run of wrk."""
    layer: int
    """Bytes of the large layer."""
    images: int
    """Small images pushed one after the other, and twice as many by the eight clients."""
    tags: int
    repositories: int
    referrers: int


@dataclass(slots=True, kw_only=True)
class Subject:
    """A server with what was prepared on it."""

    server: Server
    sizes: Sizes
    meter: Meter
    image: Image = field(default_factory=lambda: Image.random(layers=12))
    small: Content = field(default_factory=lambda: Content.random(2048))
    medium: Content = field(default_factory=lambda: Content.random(TEN_MIB))
    large: Content | None = None
    filled: set[str] = field(default_factory=set)
    """The rows whose content is there."""

    def prepare(self) -> None:
        """Push what the rows pull."""
        with self.connection() as connection:
            self.image.push(connection, REPOSITORY, "latest")
            push_blob(connection, REPOSITORY, self.small)
            push_blob(connection, REPOSITORY, self.medium)

    @contextmanager
    def connection(self, repository: str = REPOSITORY, *, user: bool = True) -> Iterator[Connection]:
        """A new connection with a token: a user's pulls and pushes, one without a name only pulls."""
        scope = pushing(repository) if user else pulling(repository)
        with self.connected(self.server.token(scope, user=user)) as connection:
            yield connection

    def connected(self, token: str | None = None) -> Connection:
        """A new connection with that token, or without one."""
        return Connection(HOST, self.server.port, token)


Measure = Callable[[Subject], Figures]
