"""The events of denied access to content by authenticated callers.

They are carried by the raised error, as ``DomainError.facts``, and audited outside projects like failed logins, since
Harbor's audit log of a project shows only what was done to its content.
"""

from dataclasses import dataclass

from app.events.base import Event


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
