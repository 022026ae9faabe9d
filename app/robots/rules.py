"""The rules, without I/O, for a robot's name, description and duration."""

import math
import re
from datetime import datetime
from typing import Final

from app.core.errors import FieldInvalid

NEVER: Final = -1
"""The duration and the end of a robot that never expires."""
_DAY: Final = 86_400
_LONGEST: Final = 2**31 - 2
_LAST_END: Final = 2**53
_DESCRIPTION_LIMIT: Final = 1024
_NAME: Final = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_NAME_LIMIT: Final = 255
"""The most characters of a full name, as for every name that logs in."""
_BETWEEN: Final = "+"


def require_name(name: str) -> None:
    """Raise FieldInvalid for an invalid name; a ``+`` would make it a name in another project."""
    if not _NAME.fullmatch(name):
        raise FieldInvalid("name", "lower-case letters, digits and single separators '.', '_' or '-' between them")


def stored_name(name: str, project: str | None) -> str:
    """Return the name in its stored, unique form, with the project's name in front for a project robot."""
    return name if project is None else f"{project}{_BETWEEN}{name}"


def full_name(prefix: str, stored: str) -> str:
    """Return the name that the robot logs in with; raise FieldInvalid when it would be too long."""
    if len(prefix) + len(stored) > _NAME_LIMIT:
        raise FieldInvalid(
            "name", f"so short that it has at most {_NAME_LIMIT} characters together with what stands before it"
        )
    return prefix + stored


def require_description(description: str) -> None:
    """Raise FieldInvalid for a description that is too long."""
    if len(description) > _DESCRIPTION_LIMIT:
        raise FieldInvalid("description", f"at most {_DESCRIPTION_LIMIT} characters")


def require_duration(days: int) -> None:
    """Raise FieldInvalid unless the duration is a valid number of days or NEVER."""
    if days != NEVER and not 0 < days <= _LONGEST:
        raise FieldInvalid("duration", f"a number of days from 1 to {_LONGEST}, or -1 for ever")


def end_after(days: int, since: datetime) -> int:
    """Return the end of a robot created at ``since``, in seconds since 1970, or NEVER."""
    return NEVER if days == NEVER else int(since.timestamp()) + days * _DAY


def days_until(end: int, since: datetime) -> int:
    """Return the duration until ``end`` in whole days, rounded up; raise FieldInvalid for an end in the past."""
    if not since.timestamp() < end <= _LAST_END:
        raise FieldInvalid("expires_at", "a moment to come in seconds since 1970, or -1 for never")
    return math.ceil((end - since.timestamp()) / _DAY)
