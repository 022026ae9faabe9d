"""Results of the audit log's service."""

from dataclasses import dataclass
from datetime import datetime

_SESSIONS = ("login", "logout")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """One row of the audit log: user, operation, resource, time and outcome."""

    id: int
    op_time: datetime
    username: str
    operation: str
    resource_type: str
    resource: str
    success: bool

    @property
    def description(self) -> str:
        """The operation in words, as ``create project: library``."""
        if self.operation in _SESSIONS:
            return self.operation
        return f"{self.operation} {self.resource_type}: {self.resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A type of rows: ``create_project``."""

    event_type: str
