"""What happened to the bytes of projects and their limits."""

from dataclasses import dataclass

from app.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaEvent(Event):
    """A fact about the bytes of a project and its limit; for webhooks, the audit log has no type for it in Harbor."""

    project_id: int
    used: int
    """Bytes that the project is charged for."""
    limit: int
    """Bytes that it may hold."""

    @property
    def resource(self) -> str:
        """The project's id."""
        return str(self.project_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaWarning(QuotaEvent):
    """What a project holds passed 85 % of its limit, from below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectQuotaExceeded(QuotaEvent):
    """Bytes were refused because they would pass the project's limit."""

    most_a_minute = 1

    adding: int
    """Bytes that were refused; 0 where a full project took nothing more."""
