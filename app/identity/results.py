"""What the services of people return."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user account as others may see it."""

    id: int
    username: str
    email: str | None
    realname: str
    comment: str
    sysadmin: bool
    disabled: bool
    version: int
    creation_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What every account may know of another one."""

    id: int
    username: str
