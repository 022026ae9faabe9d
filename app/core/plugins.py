"""Protocols that high layers implement for low ones, and families of implementations by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from app.core.errors import InvalidError

Handler = Callable[[Any, Any], None]
"""An admission check: called with the Context and the subject; raises a DomainError to refuse."""


class Verb(StrEnum):
    """An operation on content or configuration that admission checks; each has a row in ``app/admission.py``."""

    PUSH = "push"
    UPLOAD = "upload"
    """The first byte of an upload."""
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
"""Verb -> its checks, in order."""


class Subject(Protocol):
    """The operation that an admission check decides on."""

    @property
    def verb(self) -> str:
        """The verb, whose checks are run."""
        ...

    @property
    def denial(self) -> Any:  # noqa: ANN401 - the event's class belongs to a layer above
        """The event that records a refusal, None for none."""
        ...


M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Family(Generic[M]):
    """The implementations of one protocol, by name."""

    name: str
    members: Mapping[str, M]

    def choose(self, member: str) -> M:
        """Return the member; InvalidError lists the known names."""
        try:
            return self.members[member]
        except KeyError:
            raise InvalidError(
                f"unknown {self.name} {member!r}: expected one of {', '.join(sorted(self.members))}"
            ) from None


IdentitySources = Family[Callable[[Any], object]]
"""Constructors of identity sources, called with the Ports, in the order in which logins are checked."""


class PullSink(Protocol):
    """Records pulls without writing to the database in the request."""

    def add(self, pull: Any) -> None:  # noqa: ANN401 - the pull event's class belongs to a layer above
        """Add one pull to the next batch."""
        ...


class Bell(Protocol):
    """Wakes the worker after a commit that left it work."""

    def ring(self, session: Any) -> None:  # noqa: ANN401 - the session's class belongs to a layer above
        """Wake the worker when the session's writing transaction commits."""
        ...
