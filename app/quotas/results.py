"""The results of the services of quotas."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.projects.results import StorageUse


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaView:
    """The storage quota of a project; its id is the project's."""

    id: int
    project_name: str
    owner_name: str
    limit: int
    """Bytes, -1 for no limit."""
    stored: int
    """Bytes that the project uses."""
    creation_time: datetime
    update_time: datetime

    @property
    def ref(self) -> Mapping[str, object]:
        """What the quota limits: the project's id and name, and the name of its owner."""
        return {"id": self.id, "name": self.project_name, "owner_name": self.owner_name}

    @property
    def hard(self) -> Mapping[str, int]:
        """The limit by resource."""
        return StorageUse(limit=self.limit, used=self.stored).hard

    @property
    def in_use(self) -> Mapping[str, int]:
        """The use by resource."""
        return StorageUse(limit=self.limit, used=self.stored).in_use


@dataclass(frozen=True, slots=True, kw_only=True)
class Recount:
    """What a recount of one project found."""

    project: str
    stored: int
    """The use in bytes as the quota had it."""
    counted: int
    """The use in bytes as counted from the content."""
    repositories: int
    """The number of repositories as the project had it."""
    counted_repositories: int
    uncharged: int
    """The number of blobs that the project uses and was not charged for."""
    overcharged: int
    """The number of blobs that the project was charged for and no longer needs."""

    @property
    def differs(self) -> bool:
        """Whether a counter or a charge was wrong."""
        counters = self.stored != self.counted or self.repositories != self.counted_repositories
        return counters or bool(self.uncharged or self.overcharged)
