"""What accounts are made of, as their owners say it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What people say about themselves."""

    email: str
    realname: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewUser(Profile):
    """What a new account is made of."""

    username: str
    password: str
    sysadmin: bool = False
