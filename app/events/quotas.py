"""The events of storage quotas."""

from dataclasses import dataclass

from app.events.base import Event
from app.events.management import ProjectEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaEvent(Event):
    """An event of a project's storage quota, for webhooks; Harbor's audit log has no type for it."""

    project_id: int
    used: int
    """The bytes that the project uses."""
    limit: int
    """The bytes that the project may use."""

    @property
    def resource(self) -> str:
        """The project's id."""
        return str(self.project_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaWarning(QuotaEvent):
    """A project's use rose to 85 % of its limit or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectQuotaExceeded(QuotaEvent):
    """Bytes were refused because they would exceed the project's limit."""

    most_a_minute = 1

    adding: int
    """The refused bytes; 0 when a full project refused an upload of unknown size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaChanged(ProjectEvent):
    """An administrator changed a project's limit; the audit log shows it as an update of the quota."""

    operation = "update"
    resource_type = "quota"

    limit_before: int
    limit: int
