"""The results of the robot services."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.robots.grants import Level, SpacePermission


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotView:
    """A robot as callers see it, without its secret."""

    id: int
    name: str
    """The full name, with the installation's prefix."""
    description: str
    level: Level
    duration: int
    """Days, -1 for no end."""
    expires_at: int
    """Seconds since 1970, -1 for never."""
    expired: bool
    disable: bool
    editable: bool
    permissions: Sequence[SpacePermission]
    creator_type: str
    creator_ref: int
    creation_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CreatedRobot:
    """A new robot with its secret, which is shown only once."""

    id: int
    name: str
    secret: str
    creation_time: datetime
    expires_at: int
