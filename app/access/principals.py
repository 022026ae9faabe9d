"""Callers: people, robots, the product itself, and anonymous ones."""

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
    """A caller: authenticated, or anonymous.

    ``version`` changes when the caller's rights change (password, disabling, membership), so that tokens issued
    before the change are recognised as outdated.
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
    """When a robot expires, in seconds since 1970, None for never; nothing issued to it lasts longer."""
    secret_hash: str = field(default="", repr=False)
    """The keyed hash of the secret that a robot logged in with; empty for people and for callers with a token."""

    @property
    def authenticated(self) -> bool:
        """Whether the caller is not anonymous."""
        return self.kind is not PrincipalKind.ANONYMOUS

    def ended(self, now: float) -> bool:
        """Tell whether the robot has expired at ``now``, in seconds since 1970; never true for other callers."""
        return self.expires_at is not None and now >= self.expires_at


ANONYMOUS = Principal(kind=PrincipalKind.ANONYMOUS)
SYSTEM = Principal(kind=PrincipalKind.SYSTEM, name="harbor", sysadmin=True)
"""The product itself: jobs and the command line on the server."""
