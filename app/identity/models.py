"""Tables of people, their groups, and their credentials."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, UtcDateTime, byte_text

DATABASE_SOURCE: Final = "database"
"""The identity source of people whose password is stored here."""


class User(Base):
    """A person's account. ``version`` grows whenever tokens made before must stop (password, disabling, membership)."""

    __tablename__ = "user_account"
    __table_args__ = table_args(
        sa.UniqueConstraint("username"),
        sa.UniqueConstraint("email"),
        sa.Index("uq_user_account_email_key", "email_key", unique=True),
        sa.Index("uq_user_account_subject", "source", "subject", unique=True),
        sa.Index(
            "ix_user_account_present",
            "username",
            "id",
            sqlite_where=sa.text("deleted IS 0"),
            postgresql_where=sa.text("deleted IS false"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    username: Mapped[str] = mapped_column(byte_text(255))
    email: Mapped[str | None] = mapped_column(byte_text(255))
    email_key: Mapped[str | None] = mapped_column(byte_text(255))
    """The address as ``rules.email_key`` compares it; None for one that an older account has but for its case."""
    realname: Mapped[str] = mapped_column(sa.String(255), default="")
    comment: Mapped[str] = mapped_column(sa.String(255), default="")
    password_hash: Mapped[str | None] = mapped_column(byte_text(255))
    """None for people of other sources than the database."""
    source: Mapped[str] = mapped_column(byte_text(32), default=DATABASE_SOURCE)
    """The name of the identity source that the person belongs to; it never changes."""
    subject: Mapped[str | None] = mapped_column(byte_text(512))
    """The source's own id of the person; None for people of the database and for deleted accounts."""
    sysadmin: Mapped[bool] = mapped_column(default=False)
    disabled: Mapped[bool] = mapped_column(default=False)
    deleted: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(BigId, default=1)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class UserGroup(Base):
    """A group of people that an outside source of identity knows (LDAP 1, authentication proxy 2, OIDC 3)."""

    __tablename__ = "user_group"
    __table_args__ = table_args(sa.UniqueConstraint("group_type", "group_name", "ldap_group_dn"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    group_name: Mapped[str] = mapped_column(byte_text(255))
    group_type: Mapped[int]
    ldap_group_dn: Mapped[str] = mapped_column(byte_text(512), default="")
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class UserGroupMember(Base):
    """A person belongs to a group, as the group's source said at the last login."""

    __tablename__ = "user_group_member"
    __table_args__ = (sa.Index("ix_user_group_member_group_id", "group_id"),)

    user_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    group_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("user_group.id", ondelete="CASCADE"), primary_key=True)


class UserSession(Base):
    """A login by a browser; its id is known to the cookie only and stored as a hash."""

    __tablename__ = "user_session"
    __table_args__ = table_args(
        sa.UniqueConstraint("id_hash"),
        sa.Index("ix_user_session_user_id", "user_id"),
        sa.Index("ix_user_session_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    id_hash: Mapped[str] = mapped_column(byte_text(64))
    user_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("user_account.id", ondelete="CASCADE"))
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    renewed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """Changed at most every tenth of the timeout."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LoginFailure(Base):
    """Failed logins of an account from an address, with an empty account those of the address whatever the accounts.

    Shared by all processes. Times are the database's clock in ms.
    """

    __tablename__ = "login_failure"
    __table_args__ = (sa.Index("ix_login_failure_last_failure", "last_failure"),)

    account: Mapped[str] = mapped_column(byte_text(255), primary_key=True)
    address: Mapped[str] = mapped_column(byte_text(64), primary_key=True)
    count: Mapped[int]
    blocked_until: Mapped[int] = mapped_column(BigId)
    last_failure: Mapped[int] = mapped_column(BigId)


class KnownLogin(Base):
    """A password that was right, as a hash under a key that no disk holds; see ``known_logins``."""

    __tablename__ = "known_login"
    __table_args__ = (sa.Index("ix_known_login_seen_at", "seen_at"),)

    account: Mapped[str] = mapped_column(byte_text(255), primary_key=True)
    proof: Mapped[str] = mapped_column(byte_text(64), primary_key=True)
    seen_at: Mapped[int] = mapped_column(BigId)


class RefreshToken(Base):
    """A long-lived token of the OAuth2 door, stored as a keyed hash; removed when its principal's password changes."""

    __tablename__ = "refresh_token"
    __table_args__ = table_args(
        sa.Index("ix_refresh_token_expires_at", "expires_at"),
        sa.Index("ix_refresh_token_principal", "principal_kind", "principal_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(byte_text(64), unique=True)
    principal_kind: Mapped[str] = mapped_column(byte_text(16))
    principal_id: Mapped[int] = mapped_column(BigId)
    service: Mapped[str] = mapped_column(byte_text(255))
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class InstallationKey(Base):
    """A key of the installation that the database has seen, by its fingerprint; the key itself is a file."""

    __tablename__ = "installation_key"
    __table_args__ = table_args(
        sa.UniqueConstraint("name", "fingerprint"),
        sa.Index(
            "uq_installation_key_current",
            "name",
            unique=True,
            sqlite_where=sa.text("state = 'current'"),
            postgresql_where=sa.text("state = 'current'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(byte_text(64))
    fingerprint: Mapped[str] = mapped_column(byte_text(64))
    state: Mapped[str] = mapped_column(byte_text(16))
    """``current``, ``next`` while a rotation puts the file in place, or ``retired``."""
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
