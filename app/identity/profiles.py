"""The inputs of user accounts: profiles and new accounts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The attributes of an account that its person may change."""

    email: str
    realname: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewUser(Profile):
    """A new account of the database."""

    username: str
    password: str
    sysadmin: bool = False
