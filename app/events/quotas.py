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


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaWarning(QuotaEvent):
    """What a project holds passed 85 % of its limit, from below."""
