"""Harbor's kinds of schedules and its rules for cron expressions."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.core import cron
from app.core.errors import FieldInvalid

_FIELDS: Final = 6
_KIND_FIELD: Final = "schedule.type"
_CRON_FIELD: Final = "schedule.cron"


class ScheduleKind(StrEnum):
    """When a job is due: at once (Manual), never (None), or by a cron expression (all others)."""

    HOURLY = "Hourly"
    DAILY = "Daily"
    WEEKLY = "Weekly"
    CUSTOM = "Custom"
    MANUAL = "Manual"
    NONE = "None"


SHOWN_KINDS: Final = (*ScheduleKind, "Schedule")
"""The kinds in Harbor's API document; ``Schedule`` is only shown, for a run that a schedule started."""

_CRON_OF: Final = {
    ScheduleKind.HOURLY: "0 0 * * * *",
    ScheduleKind.DAILY: "0 0 0 * * *",
    ScheduleKind.WEEKLY: "0 0 0 * * 0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When a job shall run, as the caller gave it, unchecked."""

    kind: str
    cron: str = ""


def schedule_kind(due: Due) -> ScheduleKind:
    """Return the kind; raise FieldInvalid when Harbor has no such kind."""
    try:
        return ScheduleKind(due.kind)
    except ValueError:
        raise FieldInvalid(_KIND_FIELD, f"one of {', '.join(ScheduleKind)}") from None


def schedule_cron(due: Due, *, every_minute: bool = True) -> str:
    """Return the cron expression of a schedule: the caller's, else the default of the kind.

    Raises FieldInvalid unless it has six fields, its second is 0 and it is ever due; without ``every_minute``, as for
    replication, also when the minute is ``*``.
    """
    text = due.cron.strip() or _CRON_OF.get(schedule_kind(due), "")
    fields = text.split()
    if len(fields) != _FIELDS:
        raise FieldInvalid(_CRON_FIELD, "six fields: second minute hour day month weekday")
    parsed = cron.parse(text, _CRON_FIELD)
    if fields[0] != "0":
        raise FieldInvalid(_CRON_FIELD, f"a cron whose second is 0, not {fields[0]!r}")
    if fields[1] == "*" and not every_minute:
        raise FieldInvalid(_CRON_FIELD, "a cron whose minute is not *")
    if not parsed.comes:
        raise FieldInvalid(_CRON_FIELD, f"a cron that comes: none of its months has such a day: {text}")
    return parsed.text
