"""The use cases of user accounts."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import may_in_system, require_authenticated, require_in_system
from app.access.limits import require_person_for_administrator
from app.access.principals import PrincipalKind
from app.configuration.keys import SELF_REGISTRATION
from app.configuration.service import ConfigurationService
from app.context import Context
from app.core.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    UnauthenticatedError,
)
from app.core.paging import Listed, OffsetPage
from app.core.query import ListQuery
from app.db.database import retried
from app.events.management import PasswordRefused, UserCreated, UserDeleted, UserUpdated
from app.identity import known_logins, listing, people, throttle
from app.identity.availability import conflicting_accounts
from app.identity.listing import FIRST_ADMINISTRATOR
from app.identity.models import DATABASE_SOURCE, RefreshToken, User, UserGroupMember
from app.identity.passwords import Passwords, require_password_rules
from app.identity.profiles import NewUser, Profile
from app.identity.results import Account, Named
from app.identity.rules import email_key, freed, require_profile, require_realname, require_username
from app.identity.sessions import SessionStore


class UserService:
    """The use cases of accounts, for administrators and robots with the grants; people may change their own account.

    Methods raise UnauthenticatedError for an anonymous caller, DeniedError for a caller without the right, and
    RobotDenied for a robot that would create an administrator, change the account of one, or change the credentials
    of an account whose roles have more rights than the robot.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._passwords = Passwords()

    def list(self, query: ListQuery) -> Listed[Account]:
        """Return the page of accounts by name, without the first administrator, in two statements."""
        self._require("list")
        return listing.page_of_users(self._ctx, query)

    def search(self, text: str, page: OffsetPage) -> Listed[Named]:
        """Return the page of accounts whose name contains ``text``, in two statements; every account may call it."""
        require_authenticated(self._ctx.principal)
        with self._ctx.read() as session:
            return listing.page_of_names(session, text, page)

    @retried()
    def create(self, new: NewUser, *, from_page: bool = False) -> Account:
        """Create an account; raise FieldInvalid for an invalid value, ConflictError when name or e-mail is taken.

        As people log in by either, no name may be the e-mail address of another account.

        While self-registration is on, anonymous callers may create an account by a request ``from_page``, the product's
        own page. Other callers without the right are denied.
        """
        self._require_may_create(from_page=from_page)
        require_username(new.username)
        require_profile(new.email, new.realname, new.comment)
        require_realname(new.realname)
        require_password_rules(new.password)
        stored = self._passwords.hash(new.password, self._authenticated)
        now = self._ctx.ports.clock.now()
        with self._ctx.write() as session:
            if session.scalar(conflicting_accounts(new.username, new.email)):
                raise ConflictError(f"user {new.username} or email {new.email} already exists")
            user = User(
                username=new.username,
                email=new.email,
                email_key=email_key(new.email),
                realname=new.realname,
                comment=new.comment,
                password_hash=stored,
                sysadmin=new.sysadmin,
                creation_time=now,
                update_time=now,
            )
            session.add(user)
            session.flush()
            known_logins.remember(session, self._ctx.ports.start_key, user.username, new.password)
            operator = "" if self._authenticated() else user.username
            self._ctx.emit(UserCreated(user_id=user.id, username=user.username, operator=operator))
            return listing.account_of(user)

    def get(self, user_id: int) -> Account:
        """Return the account, to its person and to administrators; raise NotFoundError when there is none."""
        self._require_self_or("read", user_id)
        with self._ctx.read() as session:
            return listing.account_of(_require_existing(session.get(User, user_id), user_id))

    def current(self) -> Account:
        """Return the caller's own account; raise PreconditionError for a robot.

        Raises UnauthenticatedError once the account is deleted, even before this process's cache expires.
        """
        principal = self._ctx.principal
        if principal.authenticated and principal.kind is not PrincipalKind.USER:
            raise PreconditionError(f"get current user not available for security context: {principal.kind}")
        try:
            return self.get(principal.id)
        except NotFoundError:
            raise UnauthenticatedError from None

    def find(self, username: str) -> Account | None:
        """Return the account of exactly this name, None without one."""
        self._require("read")
        with self._ctx.read() as session:
            user = session.scalar(sa.select(User).where(User.username == username, User.deleted.is_(sa.false())))
            return None if user is None else listing.account_of(user)

    @retried()
    def change_profile(self, user_id: int, profile: Profile) -> None:
        """Change the profile of an account.

        Raises FieldInvalid, NotFoundError, ConflictError for an e-mail address that is taken, and DeniedError for
        people of other sources.
        """
        self._require_self_or("update", user_id)
        self._require_kept_here(user_id)
        require_profile(profile.email, profile.realname, profile.comment)
        with self._ctx.write() as session:
            user = self._locked(session, user_id)
            key, others = email_key(profile.email), conflicting_accounts(profile.email, profile.email)
            shared = session.scalar(others.where(User.id != user_id)) is not None
            if shared and key != email_key(user.email or ""):
                raise ConflictError(f"email {profile.email} already exists")
            what = "profile" if user.email == profile.email else "email"
            user.email, user.email_key = profile.email, None if shared else key
            user.realname, user.comment = profile.realname, profile.comment
            self._emit_updated(user, what)

    def set_password(self, user_id: int, password: str, *, old: str = "") -> None:
        """Set a new password; the account's sessions end at once, its tokens within five seconds.

        People must give their ``old`` password (else DeniedError, after some failures TooManyRequests) and choose a
        different one (else InvalidError). Raises FieldInvalid for a weak one, NotFoundError, and DeniedError for people
        of other sources, who have no password here. A denial is audited.
        """
        try:
            self._set_password(user_id, password, old)
        except DeniedError as refusal:
            with self._ctx.read() as session:
                username = people.names_of(session, [user_id]).get(user_id, str(user_id))
            refusal.carrying(PasswordRefused(username=username))
            raise

    @retried()
    def _set_password(self, user_id: int, password: str, old: str) -> None:
        self._require_self_or("update", user_id)
        self._require_kept_here(user_id)
        verified = self._require_password(user_id, old) if self._is_caller(user_id) else None
        require_password_rules(password, "new_password")
        if verified is not None and password == old:
            raise InvalidError("New password is identical to old password")
        stored = self._passwords.hash(password, self._authenticated)
        with self._ctx.write() as session:
            user = self._locked(session, user_id)
            if verified is not None and user.password_hash != verified:
                raise DeniedError(_WRONG)
            user.password_hash = stored
            known_logins.remember(session, self._ctx.ports.start_key, user.username, password)
            self._end_logins(session, user)
            self._emit_updated(user, "password")

    @retried()
    def disable(self, user_id: int, *, disabled: bool = True) -> None:
        """Disable or enable the account; raise DeniedError for disabling the first administrator."""
        self._require("update")
        if disabled:
            _require_not_first(user_id)
        with self._ctx.write() as session:
            user = self._locked(session, user_id)
            if user.disabled is not disabled:
                user.disabled = disabled
                self._end_logins(session, user)
                self._emit_updated(user, "disabled")

    @retried()
    def set_sysadmin(self, user_id: int, *, sysadmin: bool) -> None:
        """Grant or revoke system administration; raise DeniedError for revoking the first administrator's."""
        self._require("update")
        require_person_for_administrator(self._ctx.principal, administrator=True)
        if not sysadmin:
            _require_not_first(user_id)
        with self._ctx.write() as session:
            user = self._locked(session, user_id)
            if user.sysadmin is not sysadmin:
                user.sysadmin = sysadmin
                user.version += 1
                self._emit_updated(user, "administrator")

    @retried()
    def delete(self, user_id: int) -> None:
        """Delete the account; its name and e-mail address can be used again.

        Its audit log entries are kept. Raises DeniedError for the caller's own and the first administrator's account,
        NotFoundError.
        """
        self._require("delete")
        if self._is_caller(user_id) or user_id == FIRST_ADMINISTRATOR:
            raise DeniedError(f"User with ID {user_id} cannot be deleted")
        with self._ctx.write() as session:
            user = self._locked(session, user_id)
            username = user.username
            user.username = freed(username, user_id)
            user.email = None if user.email is None else freed(user.email, user_id)
            user.email_key = None
            user.password_hash, user.subject, user.deleted = None, None, True
            user.update_time = self._ctx.ports.clock.now()
            self._end_logins(session, user)
            session.execute(sa.delete(UserGroupMember).where(UserGroupMember.user_id == user_id))
            self._ctx.emit(UserDeleted(user_id=user_id, username=username))

    def _require_kept_here(self, user_id: int) -> None:
        """Raise DeniedError for people of other identity sources, whose profile and password are changed there."""
        with self._ctx.read() as session:
            source = session.scalar(sa.select(User.source).where(User.id == user_id, User.deleted.is_(sa.false())))
        if source not in {None, DATABASE_SOURCE}:
            raise DeniedError(f"User with ID {user_id} can't be updated: identity source {source} knows this person")

    def _require_password(self, user_id: int, password: str) -> str:
        """Verify the caller's own password and return its stored hash; count a wrong one as a failed login."""
        name, place = self._ctx.principal.name, throttle.place_of(self._ctx.address)
        is_known = known_logins.lookup(self._ctx, name, password)
        throttle.require_no_delay(self._ctx, name, place, is_known)
        with self._ctx.read() as session:
            stored = _require_existing(session.get(User, user_id), user_id).password_hash
        if stored is None or not self._passwords.verify(password, stored, is_known):
            with self._ctx.write() as session:
                throttle.record_failure(session, name, place)
            raise DeniedError(_WRONG)
        return stored

    def _locked(self, session: Session, user_id: int) -> User:
        user = _require_existing(session.scalar(sa.select(User).where(User.id == user_id).with_for_update()), user_id)
        require_person_for_administrator(self._ctx.principal, administrator=user.sysadmin)
        return user

    def _end_logins(self, session: Session, user: User) -> None:
        user.version += 1
        session.flush()
        SessionStore.end_all(session, user.id)
        session.execute(
            sa.delete(RefreshToken).where(
                RefreshToken.principal_kind == PrincipalKind.USER, RefreshToken.principal_id == user.id
            )
        )

    def _emit_updated(self, user: User, what: str) -> None:
        user.update_time = self._ctx.ports.clock.now()
        self._ctx.emit(UserUpdated(user_id=user.id, username=user.username, what=what))

    def _require_may_create(self, *, from_page: bool) -> None:
        principal = self._ctx.principal
        if may_in_system(principal, "user", "create"):
            return
        if not ConfigurationService(self._ctx).value(SELF_REGISTRATION):
            self._require("create")
        if principal.authenticated or not from_page:
            raise DeniedError("self-registration cannot be triggered via API")

    def _authenticated(self) -> bool:
        return self._ctx.principal.authenticated

    def _is_caller(self, user_id: int) -> bool:
        principal = self._ctx.principal
        return principal.kind is PrincipalKind.USER and principal.id == user_id

    def _require_self_or(self, action: str, user_id: int) -> None:
        if not self._is_caller(user_id):
            self._require(action)

    def _require(self, action: str) -> None:
        require_in_system(self._ctx.principal, "user", action)


def _require_existing(user: User | None, user_id: int) -> User:
    if user is None or user.deleted:
        raise NotFoundError(f"user {user_id} not found")
    return user


def _require_not_first(user_id: int) -> None:
    if user_id == FIRST_ADMINISTRATOR:
        raise DeniedError("the first administrator stays an administrator and cannot be disabled")


_WRONG = "Current password is incorrect"
