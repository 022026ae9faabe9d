"""Protocols by which low layers call what high layers provide, and families of implementations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from app.core.errors import InvalidError

Handler = Callable[[Any, Any], None]
"""A check or an effect: called with the Context and the subject or event; a check refuses by raising."""
AdmissionTable = Mapping[str, Sequence[Handler]]
"""Verb -> checks in order."""

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Family(Generic[M]):
    """Several real implementations of one protocol, by name."""

    name: str
    members: Mapping[str, M]

    def choose(self, member: str) -> M:
        """Return the member, or raise InvalidError that lists the names there are."""
        try:
            return self.members[member]
        except KeyError:
            raise InvalidError(
                f"unknown {self.name} {member!r}: expected one of {', '.join(sorted(self.members))}"
            ) from None


IdentitySources = Family[Callable[[Any], object]]
"""Makers of identity sources, called with the Ports, in the order in which the sources are asked."""


class PullSink(Protocol):
    """Takes note of pulls without writing in the request."""

    def add(self, pull: Any) -> None:  # noqa: ANN401 - the pull event's class belongs to a layer above
        """Remember one pull; written later in a batch."""
        ...


class Bell(Protocol):
    """Wakes the worker after a commit that left it something to do."""

    def ring(self, session: Any) -> None:  # noqa: ANN401 - the session's class belongs to a layer above
        """Called inside the writing transaction; the worker wakes when it commits."""
        ...
