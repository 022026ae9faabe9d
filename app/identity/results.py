"""The results of the user services."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user account as services return it, without credentials."""

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
    """The part of an account that every other account may see."""

    id: int
    username: str
