"""The events of denied access to content, and of refused changes by the management API, by authenticated callers.

They are carried by the raised error, as ``DomainError.facts``, and audited outside projects like failed logins, since
Harbor's audit log of a project shows only what was done to its content.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.events.base import AuditLine, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDenied(Event):
    """Access to a repository was denied, for lack of a right or by a policy."""

    resource_type = "artifact"
    succeeded = False
    most_a_minute = 1

    repository: str
    """The full name, with the project; the repository need not exist."""
    reference: str = ""
    """The tag or digest, if it is known at the refusal."""

    @property
    def resource(self) -> str:
        """The repository, with the tag or digest if it is known."""
        if not self.reference:
            return self.repository
        return f"{self.repository}{'@' if ':' in self.reference else ':'}{self.reference}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushDenied(AccessDenied):
    """A manifest, blob, mount, tag or copy was denied."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullDenied(AccessDenied):
    """A pull was denied."""

    operation = "pull"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteDenied(AccessDenied):
    """The deletion of an artifact, tag, blob or repository was denied."""

    operation = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRefused(Event):
    """A change by the management API was refused, for lack of a right or because something was in the way."""

    resource_type = "operation"
    succeeded = False
    most_a_minute = 1

    kind: str
    """The resource type in the audit log."""
    path: str
    """The path of the operation, which names the resource; what it names need not exist."""

    @property
    def resource(self) -> str:
        """The path."""
        return self.path

    def audit_lines(self) -> Sequence[AuditLine]:
        """Return the row, with the resource type of the operation."""
        return (AuditLine(self.project_id, self.operator, self.path, self.kind),)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationRefused(ChangeRefused):
    """A creation was refused."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRefused(ChangeRefused):
    """An update was refused."""

    operation = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionRefused(ChangeRefused):
    """A deletion was refused."""

    operation = "delete"
