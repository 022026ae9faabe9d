"""What callers are shown of projects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.access.roles import POWER, Role


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
    """The caller's own, strongest first."""

    @property
    def role(self) -> Role | None:
        """The strongest of the caller's roles."""
        return next(iter(self.roles), None)

    @property
    def role_ids(self) -> list[int] | None:
        """The caller's roles as numbers, None for none."""
        return [int(role) for role in self.roles] or None

    @property
    def cve_allowlist(self) -> dict[str, Any]:
        """The project's own list of accepted vulnerabilities."""
        return {"project_id": self.id, "items": []}


def by_power(roles: frozenset[Role]) -> tuple[Role, ...]:
    """Roles in order of power; PUBLIC, which nobody is given, is left out."""
    return tuple(role for role in POWER if role in roles)
