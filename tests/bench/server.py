"""What the rows know of a server under test."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from tests.bench.process_tree import Part

HOST: Final = "127.0.0.1"
CATALOG: Final = "registry:catalog:*"
"""The scope of the list of repositories."""


class Server(Protocol):
    """A running registry that has the project ``library``, public."""

    @property
    def name(self) -> str:
        """As in the report."""

    @property
    def port(self) -> int:
        """On loopback."""

    @property
    def ours(self) -> bool:
        """Whether it is the product."""

    def start(self) -> None:
        """Start it and wait until it answers."""

    def stop(self) -> None:
        """Stop it; its folder stays."""

    def version(self) -> str:
        """What it says it is."""

    def processes(self) -> Mapping[Part, Sequence[int]]:
        """All processes of the installation by what they do; the web part is always there."""

    def token(self, *scopes: str, user: bool) -> str:
        """A bearer token for the scopes: a user's, or one without a name."""

    def add_tags(self, repository: str, template: str, names: Sequence[str]) -> None:
        """Store tags behind the server's back, all for the artifact that the tag ``template`` is for."""


def pulling(repository: str) -> str:
    """The scope of pulls."""
    return f"repository:{repository}:pull"


def pushing(repository: str) -> str:
    """The scope of pulls and pushes."""
    return f"repository:{repository}:pull,push"
