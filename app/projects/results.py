"""The results of the project services."""

from dataclasses import dataclass
from datetime import datetime

from app.access.roles import POWER, Role
from app.projects.allowlist import AllowlistView


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectView:
    """A project as one caller sees it."""

    id: int
    name: str
    owner_id: int
    owner_name: str
    creation_time: datetime
    update_time: datetime
    metadata: dict[str, str]
    """All keys, with ``public``."""
    repo_count: int
    roles: tuple[Role, ...]
    """The caller's roles, own ones and those through groups, strongest first."""
    cve_allowlist: AllowlistView
    """The project's own list, even when the system's is used."""

    @property
    def role(self) -> Role | None:
        """The strongest of the caller's roles, None without roles."""
        return next(iter(self.roles), None)

    @property
    def role_ids(self) -> list[int] | None:
        """The caller's roles as numbers, None without roles."""
        return [int(role) for role in self.roles] or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletable:
    """Whether a project may be deleted, and why not."""

    deletable: bool
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageUse:
    """The storage limit of a project, -1 for none, and its use, in bytes."""

    limit: int
    used: int

    @property
    def hard(self) -> dict[str, int]:
        """The limit by resource."""
        return {"storage": self.limit}

    @property
    def in_use(self) -> dict[str, int]:
        """The use by resource."""
        return {"storage": self.used}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSummary:
    """The counters and the quota of a project; None for what the caller may not see."""

    repo_count: int
    project_admin_count: int | None = None
    maintainer_count: int | None = None
    developer_count: int | None = None
    guest_count: int | None = None
    limited_guest_count: int | None = None
    quota: StorageUse | None = None


def by_power(roles: frozenset[Role]) -> tuple[Role, ...]:
    """Return the roles strongest first, without PUBLIC, which cannot be given."""
    return tuple(role for role in POWER if role in roles)
