"""The tables of user accounts, user groups, sessions and credentials."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, UtcDateTime, byte_text

DATABASE_SOURCE: Final = "database"
"""The identity source of people whose password is stored in this database."""


class User(Base):
    """A person's account. ``version`` grows when earlier tokens must end (password, disabling, membership)."""

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
    """The address in the form of ``rules.email_key``; None if an older account's address differs only in case."""
    realname: Mapped[str] = mapped_column(sa.String(255), default="")
    comment: Mapped[str] = mapped_column(sa.String(255), default="")
    password_hash: Mapped[str | None] = mapped_column(byte_text(255))
    """None for people of other identity sources."""
    source: Mapped[str] = mapped_column(byte_text(32), default=DATABASE_SOURCE)
    """The name of the person's identity source; it never changes."""
    subject: Mapped[str | None] = mapped_column(byte_text(512))
    """The person's id in the identity source; None for people of the database and for deleted accounts."""
    sysadmin: Mapped[bool] = mapped_column(default=False)
    disabled: Mapped[bool] = mapped_column(default=False)
    deleted: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(BigId, default=1)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class UserGroup(Base):
    """A user group of an outside identity source (LDAP 1, authentication proxy 2, OIDC 3)."""

    __tablename__ = "user_group"
    __table_args__ = table_args(sa.UniqueConstraint("group_type", "group_name", "ldap_group_dn"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    group_name: Mapped[str] = mapped_column(byte_text(255))
    group_type: Mapped[int]
    ldap_group_dn: Mapped[str] = mapped_column(byte_text(512), default="")
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class UserGroupMember(Base):
    """The membership of a person in a group, as the identity source reported it at the last login."""

    __tablename__ = "user_group_member"
    __table_args__ = (sa.Index("ix_user_group_member_group_id", "group_id"),)

    user_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    group_id: Mapped[int] = mapped_column(BigId, sa.ForeignKey("user_group.id", ondelete="CASCADE"), primary_key=True)


class UserSession(Base):
    """A browser session; its id is only in the cookie, and stored as a hash."""

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
    """The failed logins of an account from an address; an empty account counts those of the address for all accounts.

    Shared by all processes. Times are milliseconds of the database's clock.
    """

    __tablename__ = "login_failure"
    __table_args__ = (sa.Index("ix_login_failure_last_failure", "last_failure"),)

    account: Mapped[str] = mapped_column(byte_text(255), primary_key=True)
    address: Mapped[str] = mapped_column(byte_text(64), primary_key=True)
    count: Mapped[int]
    blocked_until: Mapped[int] = mapped_column(BigId)
    last_failure: Mapped[int] = mapped_column(BigId)


class KnownLogin(Base):
    """The hash of a password that was right, under a key that is on no disk; see ``known_logins``."""

    __tablename__ = "known_login"
    __table_args__ = (sa.Index("ix_known_login_seen_at", "seen_at"),)

    account: Mapped[str] = mapped_column(byte_text(255), primary_key=True)
    proof: Mapped[str] = mapped_column(byte_text(64), primary_key=True)
    seen_at: Mapped[int] = mapped_column(BigId)


class RefreshToken(Base):
    """A refresh token of the OAuth2 endpoint, stored as a keyed hash, deleted when its principal's password changes."""

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
    """The fingerprint of a key of the installation; the key itself is a file."""

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
