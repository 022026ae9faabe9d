"""What other features ask about people, inside their own transactions: names, ids, and tokens that must stop."""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import IntEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.principals import Principal, PrincipalKind
from app.core.errors import Overtaken
from app.db.conflict import insert_absent
from app.identity.models import User, UserGroup, UserGroupMember

USER_NAMES = sa.select(User.id, User.username.label("name")).subquery("users")
"""Users' ids and names, for joining."""


class GroupType(IntEnum):
    """Where a group's members are known."""

    LDAP = 1
    HTTP = 2
    OIDC = 3


def names_of(session: Session, ids: Collection[int]) -> Mapping[int, str]:
    """The names of these users, those of deleted accounts included."""
    rows = session.execute(sa.select(User.id, User.username).where(User.id.in_(set(ids))))
    return {row.id: row.username for row in rows}


def id_of(session: Session, username: str) -> int | None:
    """The id of the account with this name, None when there is none or it was deleted."""
    statement = sa.select(User.id).where(User.username == username, User.deleted.is_(False))
    return session.execute(statement).scalar_one_or_none()


def person(session: Session, user_id: int) -> Principal | None:
    """The account as a caller, None when it is disabled or gone."""
    statement = sa.select(User.username, User.sysadmin, User.version).where(
        User.id == user_id, User.disabled.is_(sa.false()), User.deleted.is_(sa.false())
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        return None
    return Principal(kind=PrincipalKind.USER, id=user_id, name=row.username, sysadmin=row.sysadmin, version=row.version)


def exists(session: Session, user_id: int) -> bool:
    """Tell whether the account exists and was not deleted."""
    return (
        session.execute(sa.select(User.id).where(User.id == user_id, User.deleted.is_(False))).scalar_one_or_none()
        is not None
    )


def first_administrator(session: Session) -> int | None:
    """The id of the installation's first administrator, the owner of what nobody in person made."""
    return session.execute(sa.select(sa.func.min(User.id)).where(User.sysadmin, User.deleted.is_(False))).scalar_one()


def name_of(user_id: sa.ColumnElement[int]) -> sa.ScalarSelect[str]:
    """The expression for the name of the user with this id."""
    return sa.select(User.username).where(User.id == user_id).scalar_subquery()


def groups_of(user_id: sa.ColumnElement[int] | int) -> sa.Select[int]:
    """The statement that yields the ids of the groups that the user belongs to."""
    return sa.select(UserGroupMember.group_id).where(UserGroupMember.user_id == user_id)


def revoke_tokens(session: Session, ids: Collection[int]) -> None:
    """Make tokens of these users stop within seconds: what they may do has changed."""
    statement = sa.update(User).where(User.id.in_(set(ids))).values(version=User.version + 1)
    session.execute(statement.execution_options(synchronize_session=False))


def hold_user(session: Session, user_id: int) -> str | None:
    """Keep the account from being deleted until the transaction ends; its name, None when there is none."""
    statement = sa.select(User.username).where(User.id == user_id, User.deleted.is_(False)).with_for_update()
    return session.execute(statement).scalar_one_or_none()


def hold_group(session: Session, group_id: int) -> str | None:
    """Keep the group from being deleted until the transaction ends; its name, None when there is none."""
    statement = sa.select(UserGroup.group_name).where(UserGroup.id == group_id)
    return session.execute(statement.with_for_update(read=True, key_share=True)).scalar_one_or_none()


def group_of_dn(session: Session, ldap_group_dn: str) -> int | None:
    """The id of the LDAP group with this distinguished name, None when there is none."""
    return session.execute(
        sa.select(UserGroup.id).where(UserGroup.group_type == GroupType.LDAP, UserGroup.ldap_group_dn == ldap_group_dn)
    ).scalar_one_or_none()


def group_named(session: Session, name: str, kind: GroupType) -> int | None:
    """The id of the group of this kind and name, the oldest of several, None when there is none."""
    statement = sa.select(UserGroup.id).where(UserGroup.group_type == kind, UserGroup.group_name == name)
    return session.execute(statement.order_by(UserGroup.id).limit(1)).scalar_one_or_none()


def ensure_group(session: Session, name: str, kind: GroupType, now: datetime, *, dn: str = "") -> int:
    """Return the id of the group of this kind and name, or of this distinguished name, and make it when it is absent.

    The name has 1 to 255 characters. Overtaken when the group was deleted meanwhile.
    """
    known = _group(session, name, kind, dn)
    if known is None:
        columns = {"group_name": name, "group_type": int(kind), "creation_time": now, "update_time": now}
        session.execute(insert_absent(session, UserGroup).values(ldap_group_dn=dn, **columns))
        known = _group(session, name, kind, dn)
    if known is None:
        raise Overtaken
    return known


def _group(session: Session, name: str, kind: GroupType, dn: str) -> int | None:
    return group_of_dn(session, dn) if dn else group_named(session, name, kind)


def revoke_tokens_of_group(session: Session, group_id: int) -> None:
    """Make tokens of the group's members stop within seconds."""
    members = sa.select(UserGroupMember.user_id).where(UserGroupMember.group_id == group_id)
    statement = sa.update(User).where(User.id.in_(members)).values(version=User.version + 1)
    session.execute(statement.execution_options(synchronize_session=False))
