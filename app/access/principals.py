"""Who is calling."""

from dataclasses import dataclass, field
from enum import StrEnum


class PrincipalKind(StrEnum):
    """The kinds of callers."""

    ANONYMOUS = "anonymous"
    USER = "user"
    ROBOT = "robot"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller that has been authenticated, or nobody.

    ``version`` changes when what the caller may do changes (password, disabling, membership), so that tokens made
    before can be told from those made after.
    """

    kind: PrincipalKind
    id: int = 0
    name: str = ""
    sysadmin: bool = False
    version: int = 0
    grants: frozenset[tuple[str, str, str]] = field(default=frozenset())
    """A robot's permissions as (namespace, resource, action); namespace is ``/``, a project's name or ``*``."""
    project_id: int | None = None
    """The project that a robot belongs to, None for a system robot and for people."""
    expires_at: float | None = None
    """Seconds since 1970 at which a robot ends, None for never; nothing issued to it lasts longer."""
    secret_hash: str = field(default="", repr=False)
    """The keyed hash of the secret that a robot gave just now, empty for people and for who came with a token."""

    @property
    def authenticated(self) -> bool:
        """Whether this is somebody."""
        return self.kind is not PrincipalKind.ANONYMOUS

    def ended(self, now: float) -> bool:
        """Whether the time given to it, a robot's, is over at ``now``, seconds since 1970."""
        return self.expires_at is not None and now >= self.expires_at


ANONYMOUS = Principal(kind=PrincipalKind.ANONYMOUS)
SYSTEM = Principal(kind=PrincipalKind.SYSTEM, name="harbor", sysadmin=True)
"""The product itself: jobs and the command line on the server."""
