"""Protocols by which low layers call what high layers provide, and families of implementations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from app.core.errors import InvalidError

Handler = Callable[[Any, Any], None]
"""A check: called with the Context and the subject; it refuses by raising."""


class Verb(StrEnum):
    """What is done to content or configuration, as admission names it; each has a row in ``app/admission.py``."""

    PUSH = "push"
    UPLOAD = "upload"
    """Its first byte."""
    MOUNT = "mount"
    PULL = "pull"
    TAG = "tag"
    UNTAG = "untag"
    DELETE = "delete"
    DELETE_REPOSITORY = "delete_repository"
    COPY = "copy"
    CONFIGURE = "configure"
    """A change of the system configuration."""


AdmissionTable = Mapping[str, Sequence[Handler]]
"""Verb -> checks in order."""


class Subject(Protocol):
    """What an admission check is asked about."""

    @property
    def verb(self) -> str:
        """The row of its checks."""
        ...

    @property
    def denial(self) -> Any:  # noqa: ANN401 - the event's class belongs to a layer above
        """The fact that is recorded when it is refused, None for nothing."""
        ...


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
