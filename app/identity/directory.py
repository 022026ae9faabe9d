"""What other features ask about people, inside their own transactions: names, ids, and tokens that must stop."""

from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.identity.models import User, UserGroupMember


def names_of(session: Session, ids: Collection[int]) -> Mapping[int, str]:
    """The names of these users, those of deleted accounts included."""
    rows = session.execute(sa.select(User.id, User.username).where(User.id.in_(set(ids))))
    return {row.id: row.username for row in rows}


def id_of(session: Session, username: str) -> int | None:
    """The id of the account with this name, None when there is none or it was deleted."""
    statement = sa.select(User.id).where(User.username == username, User.deleted.is_(False))
    return session.execute(statement).scalar_one_or_none()


def exists(session: Session, user_id: int) -> bool:
    """Tell whether the account exists and was not deleted."""
    return (
        session.execute(sa.select(User.id).where(User.id == user_id, User.deleted.is_(False))).scalar_one_or_none()
        is not None
    )


def first_administrator(session: Session) -> int | None:
    """The id of the installation's first administrator, the owner of what nobody in person made."""
    return session.execute(sa.select(sa.func.min(User.id)).where(User.sysadmin)).scalar_one()


def groups_of(user_id: sa.ColumnElement[int] | int) -> sa.Select[int]:
    """The statement that yields the ids of the groups that the user belongs to."""
    return sa.select(UserGroupMember.group_id).where(UserGroupMember.user_id == user_id)


def revoke_tokens(session: Session, ids: Collection[int]) -> None:
    """Make tokens of these users stop within seconds: what they may do has changed."""
    statement = sa.update(User).where(User.id.in_(set(ids))).values(version=User.version + 1)
    session.execute(statement.execution_options(synchronize_session=False))
