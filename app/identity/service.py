"""Use cases of user accounts."""

import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import require_in_system
from app.access.principals import PrincipalKind
from app.context import Context
from app.core.errors import ConflictError, DeniedError, FieldInvalid, NotFoundError
from app.identity.models import RefreshToken, User
from app.identity.passwords import Passwords, check_rules

FIRST_ADMINISTRATOR = 1
"""The id of the account made on the first start, which stays an administrator."""
_TEXT_LIMIT = 255
_COMMENT_LIMIT = 30
_FORBIDDEN_IN_NAMES = re.compile(r'[,"~#%$\x00-\x1f\x7f]')
_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewUser:
    """What a new account is made of."""

    username: str
    password: str
    email: str
    realname: str = ""
    comment: str = ""
    sysadmin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user account as others may see it."""

    id: int
    username: str
    email: str | None
    realname: str
    comment: str
    sysadmin: bool
    disabled: bool
    version: int
    creation_time: datetime
    update_time: datetime


class UserService:
    """Accounts: administrators may all of it, people their own password."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def create(self, new: NewUser) -> Account:
        """Make an account; FieldInvalid for what breaks a rule, ConflictError when name or e-mail is taken."""
        self._require("create")
        _check(new)
        stored = Passwords().hash(new.password)
        now = self._ctx.ports.clock.now()
        with self._ctx.write() as session:
            if session.scalar(sa.select(User.id).where(sa.or_(User.username == new.username, User.email == new.email))):
                raise ConflictError(f"user {new.username} or its e-mail exists already")
            user = User(
                username=new.username,
                email=new.email,
                realname=new.realname,
                comment=new.comment,
                password_hash=stored,
                sysadmin=new.sysadmin,
                creation_time=now,
                update_time=now,
            )
            session.add(user)
            session.flush()
            return _account(user)

    def get(self, user_id: int) -> Account:
        """The account; NotFoundError when there is none. People may see themselves, administrators everybody."""
        if not self._self(user_id):
            self._require("read")
        with self._ctx.read() as session:
            return _account(_found(session.get(User, user_id), user_id))

    def find(self, username: str) -> Account | None:
        """The account of that exact name, None when there is none."""
        self._require("read")
        with self._ctx.read() as session:
            user = session.scalar(sa.select(User).where(User.username == username, User.deleted.is_(sa.false())))
            return None if user is None else _account(user)

    def set_password(self, user_id: int, password: str) -> None:
        """Give the account a new password; every token and remembered credential of before ends within five seconds."""
        if not self._self(user_id):
            self._require("update")
        check_rules(password)
        stored = Passwords().hash(password)
        with self._ctx.write() as session:
            user = _locked(session, user_id)
            user.password_hash = stored
            self._revoke(session, user)

    def disable(self, user_id: int, *, disabled: bool = True) -> None:
        """Shut the account out, or let it in again; the first administrator stays."""
        self._require("update")
        if disabled:
            _spare_first(user_id)
        with self._ctx.write() as session:
            user = _locked(session, user_id)
            user.disabled = disabled
            self._revoke(session, user)

    def set_sysadmin(self, user_id: int, *, sysadmin: bool) -> None:
        """Make the account an administrator of the system, or an ordinary one; the first administrator stays one."""
        self._require("update")
        if not sysadmin:
            _spare_first(user_id)
        with self._ctx.write() as session:
            user = _locked(session, user_id)
            user.sysadmin = sysadmin
            self._revoke(session, user)

    def _revoke(self, session: Session, user: User) -> None:
        user.version += 1
        user.update_time = self._ctx.ports.clock.now()
        session.flush()
        session.execute(
            sa.delete(RefreshToken).where(
                RefreshToken.principal_kind == PrincipalKind.USER, RefreshToken.principal_id == user.id
            )
        )

    def _self(self, user_id: int) -> bool:
        principal = self._ctx.principal
        return principal.kind is PrincipalKind.USER and principal.id == user_id

    def _require(self, action: str) -> None:
        require_in_system(self._ctx.principal, "user", action)


def _locked(session: Session, user_id: int) -> User:
    return _found(session.scalar(sa.select(User).where(User.id == user_id).with_for_update()), user_id)


def _found(user: User | None, user_id: int) -> User:
    if user is None or user.deleted:
        raise NotFoundError(f"user {user_id} not found")
    return user


def _spare_first(user_id: int) -> None:
    if user_id == FIRST_ADMINISTRATOR:
        raise DeniedError("the first administrator stays an administrator and cannot be disabled")


def _check(new: NewUser) -> None:
    if not 0 < len(new.username) <= _TEXT_LIMIT or _FORBIDDEN_IN_NAMES.search(new.username):
        raise FieldInvalid("username", 'a name of 1 to 255 characters without , " ~ # % $ and control characters')
    if len(new.email) > _TEXT_LIMIT or not _EMAIL.fullmatch(new.email):
        raise FieldInvalid("email", "an e-mail address of at most 255 characters")
    if len(new.realname) > _TEXT_LIMIT:
        raise FieldInvalid("realname", f"at most {_TEXT_LIMIT} characters")
    if len(new.comment) > _COMMENT_LIMIT:
        raise FieldInvalid("comment", f"at most {_COMMENT_LIMIT} characters")
    check_rules(new.password)


def _account(user: User) -> Account:
    return Account(
        id=user.id,
        username=user.username,
        email=user.email,
        realname=user.realname,
        comment=user.comment,
        sysadmin=user.sysadmin,
        disabled=user.disabled,
        version=user.version,
        creation_time=user.creation_time,
        update_time=user.update_time,
    )
