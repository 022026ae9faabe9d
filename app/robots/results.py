"""What the services of robots return."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.robots.grants import Level, SpacePermission


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotView:
    """A robot, never its secret."""

    id: int
    name: str
    """The full one, with the installation's prefix."""
    description: str
    level: Level
    duration: int
    """Days, -1 for ever."""
    expires_at: int
    """Seconds since 1970, -1 never."""
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
    """A new robot with its secret, which is shown this once."""

    id: int
    name: str
    secret: str
    creation_time: datetime
    expires_at: int
