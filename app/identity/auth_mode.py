"""The admission check of the authentication mode: it can change only while no further account exists."""

import sqlalchemy as sa

from app.configuration.keys import AUTH_MODE
from app.configuration.subjects import ConfigurationUpdate
from app.context import Context
from app.core.errors import InvalidError
from app.identity.listing import FIRST_ADMINISTRATOR
from app.identity.models import User


def require_no_accounts(ctx: Context, update: ConfigurationUpdate) -> None:
    """Raise InvalidError for a change of the authentication mode once there are accounts besides the first one."""
    if AUTH_MODE.name in update.names and ctx.rows(_ACCOUNTS, {}):
        raise InvalidError(f"{AUTH_MODE.name} cannot be changed: there are accounts besides the first administrator's")


_ACCOUNTS = sa.select(User.id).where(User.deleted.is_(sa.false()), User.id != FIRST_ADMINISTRATOR).limit(1)
