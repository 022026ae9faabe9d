"""People and what they prove themselves with."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, table_args
from app.db.types import BigId, UtcDateTime, byte_text


class User(Base):
    """A person's account. ``version`` grows whenever tokens made before must stop (password, disabling, membership)."""

    __tablename__ = "user_account"
    __table_args__ = table_args(sa.UniqueConstraint("username"), sa.UniqueConstraint("email"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    username: Mapped[str] = mapped_column(byte_text(255))
    email: Mapped[str | None] = mapped_column(byte_text(255))
    realname: Mapped[str] = mapped_column(sa.String(255), default="")
    comment: Mapped[str] = mapped_column(sa.String(255), default="")
    password_hash: Mapped[str | None] = mapped_column(byte_text(255))
    sysadmin: Mapped[bool] = mapped_column(default=False)
    disabled: Mapped[bool] = mapped_column(default=False)
    deleted: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(BigId, default=1)
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)


class LoginFailure(Base):
    """Failed logins of an account from an address; shared by all processes. Times are the database's clock in ms."""

    __tablename__ = "login_failure"

    account: Mapped[str] = mapped_column(byte_text(255), primary_key=True)
    address: Mapped[str] = mapped_column(byte_text(64), primary_key=True)
    count: Mapped[int]
    blocked_until: Mapped[int] = mapped_column(BigId)
    last_failure: Mapped[int] = mapped_column(BigId)


class RefreshToken(Base):
    """A long-lived token of the OAuth2 door, stored as a keyed hash; removed when its principal's password changes."""

    __tablename__ = "refresh_token"
    __table_args__ = table_args(sa.Index("ix_refresh_token_expires_at", "expires_at"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(byte_text(64), unique=True)
    principal_kind: Mapped[str] = mapped_column(byte_text(16))
    principal_id: Mapped[int] = mapped_column(BigId)
    service: Mapped[str] = mapped_column(byte_text(255))
    creation_time: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
