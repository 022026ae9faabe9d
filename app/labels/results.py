"""The values that the services of labels return."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """Where a label may be used, in Harbor's letters."""

    GLOBAL = "g"
    PROJECT = "p"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelView:
    """A label; ``project_id`` is None for a global one."""

    id: int
    project_id: int | None
    name: str
    description: str
    color: str
    creation_time: datetime
    update_time: datetime

    @property
    def scope(self) -> Scope:
        """Where the label may be used."""
        return Scope.GLOBAL if self.project_id is None else Scope.PROJECT
