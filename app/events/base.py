"""The base class of events: the project, the operator, and the fields of the audit log."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

OUTSIDE_PROJECTS = 0
"""The project id of events outside projects."""


class AuditLine(NamedTuple):
    """The fields of one row of the audit log that are not constants of the event's class."""

    project_id: int
    operator: str
    resource: str
    resource_type: str = ""
    """Empty for that of the event's class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event, of a class per kind of fact, with a row in ``app/effects.py``.

    A class that the audit log shows has an ``operation``, a ``resource_type`` and a ``resource``, from which its rows
    are derived.
    """

    operation: ClassVar[str] = ""
    """The operation in the audit log: create, delete, pull, update, login …; empty for an event not shown there."""
    resource_type: ClassVar[str] = ""
    """The resource type in the audit log: artifact, tag, repository, project …"""
    succeeded: ClassVar[bool] = True
    """Whether the operation succeeded."""

    most_a_minute: ClassVar[int] = 0
    """The most events per minute that are audited for one caller and resource, for refusals; 0 for no limit."""

    project_id: int = OUTSIDE_PROJECTS
    operator: str = field(default="", compare=False)
    """The name of the operator; ``Context.emit`` fills in the caller's. It does not count when events are compared."""

    @property
    def resource(self) -> str:
        """The name of the affected resource, as the audit log shows it."""
        raise NotImplementedError(f"{type(self).__name__} does not name its resource")

    def audit_lines(self) -> Sequence[AuditLine]:
        """Return the rows for the audit log; none when another event of the same change has them."""
        return (AuditLine(self.project_id, self.operator, self.resource),)


Effect = Callable[[Any, Any], None]
"""A handler, called with the Context and the event in the emitting transaction."""
EffectTable = Mapping[type[Event], Sequence[Effect]]
"""The handlers of each event class, in order."""
