"""What the services of the audit log return."""

from dataclasses import dataclass
from datetime import datetime

_SESSIONS = ("login", "logout")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """Who did what to which resource, when, and whether it worked."""

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
