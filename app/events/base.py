"""What every fact carries: who did it, where, and the words that the audit log has for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

OUTSIDE_PROJECTS = 0
"""The project of what happens outside any."""


class AuditLine(NamedTuple):
    """What one row of the audit log says beside the words of its event's class."""

    project_id: int
    operator: str
    resource: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact: a class of its own, with a row in ``app/effects.py``.

    A class that the audit log shows has an ``operation`` and a ``resource_type``, and says what its ``resource`` is
    called; all else is derived from that.
    """

    operation: ClassVar[str] = ""
    """In the audit log: create, delete, pull, update, login …; empty for a fact that the log does not show."""
    resource_type: ClassVar[str] = ""
    """In the audit log: artifact, tag, repository, project …"""
    succeeded: ClassVar[bool] = True
    """Whether what was asked for was done."""

    most_a_minute: ClassVar[int] = 0
    """How many of one caller and resource are recorded, where callers cause it by being refused; 0 for no bound."""

    project_id: int = OUTSIDE_PROJECTS
    operator: str = field(default="", compare=False)
    """The name of who did it; ``Context.emit`` fills in the caller's. Two facts are equal whoever did them."""

    @property
    def resource(self) -> str:
        """The name of what it happened to, as the audit log shows it."""
        raise NotImplementedError(f"{type(self).__name__} does not name its resource")

    def audit_lines(self) -> Sequence[AuditLine]:
        """One for each row of the audit log; none when other facts of the same change tell it."""
        return (AuditLine(self.project_id, self.operator, self.resource),)


Effect = Callable[[Any, Any], None]
"""Called with the Context and the event, inside the emitting transaction."""
EffectTable = Mapping[type[Event], Sequence[Effect]]
"""Event class -> handlers in order."""
