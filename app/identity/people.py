"""Users and groups for other features, in their transactions: names, ids, locks, and ending tokens."""

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
"""The ids and names of users, for joins."""


class GroupType(IntEnum):
    """The kind of identity source that a group belongs to."""

    LDAP = 1
    HTTP = 2
    OIDC = 3


def names_of(session: Session, ids: Collection[int]) -> Mapping[int, str]:
    """Return the names of these users, deleted accounts included."""
    rows = session.execute(sa.select(User.id, User.username).where(User.id.in_(set(ids))))
    return {row.id: row.username for row in rows}


def user_id_or_none(session: Session, username: str) -> int | None:
    """Return the id of the account with this name, None when there is none or it was deleted."""
    statement = sa.select(User.id).where(User.username == username, User.deleted.is_(False))
    return session.execute(statement).scalar_one_or_none()


def person_or_none(session: Session, user_id: int) -> Principal | None:
    """Return the principal of the account, None when it is disabled or deleted."""
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


def first_administrator_id_or_none(session: Session) -> int | None:
    """Return the id of the first administrator, who owns what the product itself creates; None without one."""
    return session.execute(sa.select(sa.func.min(User.id)).where(User.sysadmin, User.deleted.is_(False))).scalar_one()


def name_of(user_id: sa.ColumnElement[int]) -> sa.ScalarSelect[str]:
    """Return the expression for the name of the user with this id."""
    return sa.select(User.username).where(User.id == user_id).scalar_subquery()


def groups_of(user_id: sa.ColumnElement[int] | int) -> sa.Select[int]:
    """Return the statement for the ids of the groups that the user belongs to."""
    return sa.select(UserGroupMember.group_id).where(UserGroupMember.user_id == user_id)


def revoke_tokens(session: Session, ids: Collection[int]) -> None:
    """End the tokens of these users within seconds, because their rights have changed."""
    statement = sa.update(User).where(User.id.in_(set(ids))).values(version=User.version + 1)
    session.execute(statement.execution_options(synchronize_session=False))


def hold_user(session: Session, user_id: int) -> str | None:
    """Lock the account against deletion until the transaction ends; return its name, None without one."""
    statement = sa.select(User.username).where(User.id == user_id, User.deleted.is_(False)).with_for_update()
    return session.execute(statement).scalar_one_or_none()


def hold_group(session: Session, group_id: int) -> str | None:
    """Lock the group against deletion until the transaction ends; return its name, None without one."""
    statement = sa.select(UserGroup.group_name).where(UserGroup.id == group_id)
    return session.execute(statement.with_for_update(read=True, key_share=True)).scalar_one_or_none()


def group_id_by_dn_or_none(session: Session, ldap_group_dn: str) -> int | None:
    """Return the id of the LDAP group with this distinguished name, None without one."""
    return session.execute(
        sa.select(UserGroup.id).where(UserGroup.group_type == GroupType.LDAP, UserGroup.ldap_group_dn == ldap_group_dn)
    ).scalar_one_or_none()


def group_id_by_name_or_none(session: Session, name: str, kind: GroupType) -> int | None:
    """Return the id of the oldest group of this kind and name, None without one."""
    statement = sa.select(UserGroup.id).where(UserGroup.group_type == kind, UserGroup.group_name == name)
    return session.execute(statement.order_by(UserGroup.id).limit(1)).scalar_one_or_none()


def ensure_group(session: Session, name: str, kind: GroupType, now: datetime, *, dn: str = "") -> int:
    """Return the id of the group of this kind and name, or of this distinguished name; create it when it is absent.

    The name has 1 to 255 characters. Raises Overtaken when the group was deleted meanwhile.
    """
    group_id = _group_id_or_none(session, name, kind, dn)
    if group_id is None:
        columns = {"group_name": name, "group_type": int(kind), "creation_time": now, "update_time": now}
        session.execute(insert_absent(session, UserGroup).values(ldap_group_dn=dn, **columns))
        group_id = _group_id_or_none(session, name, kind, dn)
    if group_id is None:
        raise Overtaken
    return group_id


def _group_id_or_none(session: Session, name: str, kind: GroupType, dn: str) -> int | None:
    return group_id_by_dn_or_none(session, dn) if dn else group_id_by_name_or_none(session, name, kind)


def revoke_tokens_of_group(session: Session, group_id: int) -> None:
    """End the tokens of the group's members within seconds, because their rights have changed."""
    members = sa.select(UserGroupMember.user_id).where(UserGroupMember.group_id == group_id)
    statement = sa.update(User).where(User.id.in_(members)).values(version=User.version + 1)
    session.execute(statement.execution_options(synchronize_session=False))
