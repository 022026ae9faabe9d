"""How long a robot lasts: days from its creation, or to the second."""

import math
from datetime import datetime

from app.core.errors import FieldInvalid

NEVER = -1
"""As a duration and as an end: for ever."""
_DAY = 86_400
_LONGEST = 2**31 - 2
_LAST_END = 2**53


def check_duration(days: int) -> None:
    """Raise FieldInvalid for a duration that is none."""
    if days != NEVER and not 0 < days <= _LONGEST:
        raise FieldInvalid("duration", f"a number of days from 1 to {_LONGEST}, or -1 for ever")


def end_after(days: int, since: datetime) -> int:
    """Seconds since 1970 of the end of a robot made at ``since``, NEVER for ever."""
    return NEVER if days == NEVER else int(since.timestamp()) + days * _DAY


def days_until(end: int, since: datetime) -> int:
    """The duration in whole days, rounded up, of a robot with this end; FieldInvalid for one that is over already."""
    if not since.timestamp() < end <= _LAST_END:
        raise FieldInvalid("expires_at", "a moment to come in seconds since 1970, or -1 for never")
    return math.ceil((end - since.timestamp()) / _DAY)
