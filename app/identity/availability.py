"""The check whether a user name or an e-mail address is taken."""

from enum import StrEnum

import sqlalchemy as sa

from app.configuration.keys import SELF_REGISTRATION
from app.configuration.service import ConfigurationService
from app.context import Context
from app.core.errors import PreconditionError
from app.identity.models import User
from app.identity.rules import email_key


class Unique(StrEnum):
    """The attributes that are unique among accounts."""

    USERNAME = "username"
    EMAIL = "email"


def is_taken(ctx: Context, what: Unique, value: str) -> bool:
    """Tell whether an account has this name or address, for the form of a new account.

    Raises PreconditionError unless self-registration is on or the caller is an administrator.
    """
    if not ctx.principal.sysadmin and not ConfigurationService(ctx).value(SELF_REGISTRATION):
        raise PreconditionError("self registration is disabled: only administrators can check whether a user exists")
    if "\0" in value:
        return False
    same = User.username == value if what is Unique.USERNAME else User.email_key == email_key(value)
    with ctx.read() as session:
        return session.scalar(sa.select(User.id).where(same)) is not None


def conflicting_accounts(username: str, email: str) -> sa.Select[int]:
    """Return the statement for the accounts with this name or address, or with one used as the other, in any case."""
    keys = email_key(username), email_key(email)
    names = User.username.in_((username, email)), sa.func.lower(User.username) == email_key(email)
    return sa.select(User.id).where(sa.or_(*names, User.email_key.in_(keys)))
