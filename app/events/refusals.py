"""Accesses to content that were denied to a caller who is logged in.

They ride on the error raised, as ``DomainError.facts``, and are recorded outside any project: Harbor's lists of a
project show what was done to its content, and these stand where failed logins do.
"""

from dataclasses import dataclass

from app.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDenied(Event):
    """An access to a repository was denied, for want of a right or by a policy."""

    resource_type = "artifact"
    succeeded = False
    most_a_minute = 1

    repository: str
    """Full name, with the project; there need not be such a repository."""
    reference: str = ""
    """Tag or digest, where it is known at the refusal."""

    @property
    def resource(self) -> str:
        """The repository, and what of it where that is known."""
        if not self.reference:
            return self.repository
        return f"{self.repository}{'@' if ':' in self.reference else ':'}{self.reference}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushDenied(AccessDenied):
    """Content was not let in: a manifest, a blob, a mount, a tag or a copy."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullDenied(AccessDenied):
    """Content was not given out."""

    operation = "pull"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteDenied(AccessDenied):
    """An artifact, a tag, a blob or a whole repository was not deleted."""

    operation = "delete"
