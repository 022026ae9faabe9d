"""What the services of projects return."""

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
    """Public among them."""
    repo_count: int
    roles: tuple[Role, ...]
    """The caller's own and those through groups, strongest first."""
    cve_allowlist: AllowlistView
    """The project's own list, whether it is used or the system's is."""

    @property
    def role(self) -> Role | None:
        """The strongest of the caller's roles."""
        return next(iter(self.roles), None)

    @property
    def role_ids(self) -> list[int] | None:
        """The caller's roles as numbers, None for none."""
        return [int(role) for role in self.roles] or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletable:
    """Whether a project may be deleted, and why not."""

    deletable: bool
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageUse:
    """Bytes that a project may hold (-1 any number) and holds."""

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
    """A project in numbers; what the caller may not see is None."""

    repo_count: int
    project_admin_count: int | None = None
    maintainer_count: int | None = None
    developer_count: int | None = None
    guest_count: int | None = None
    limited_guest_count: int | None = None
    quota: StorageUse | None = None


def by_power(roles: frozenset[Role]) -> tuple[Role, ...]:
    """Roles in order of power; PUBLIC, which nobody is given, is left out."""
    return tuple(role for role in POWER if role in roles)
