"""The accounts of people of outside sources: created at the first login, updated at each further one."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.access.principals import Principal, PrincipalKind
from app.context import Context
from app.core.errors import FieldInvalid, NotOnboarded, Overtaken
from app.db.conflict import insert_absent
from app.db.database import retried
from app.events.management import UserCreated
from app.identity import people
from app.identity.availability import conflicting_accounts
from app.identity.models import User, UserGroup, UserGroupMember
from app.identity.rules import TEXT_LIMIT, email_key, is_email, require_username
from app.identity.sources.source import Person, SourceGroup

MOST_GROUPS: Final = 1_000
"""The most groups of one person; further ones are left out."""
_SUBJECT_LIMIT: Final = 512
_DN_LIMIT: Final = 512
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    """The stored attributes of a person."""

    email: str | None
    realname: str
    groups: frozenset[tuple[int, str]]
    """The type and distinguished name of each group, or its name without one."""


class Onboarding:
    """Creates and updates the accounts of people of outside sources."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @retried()
    def principal(self, source: str, person: Person) -> Principal | None:
        """Return the principal of ``person``, None when the account is disabled here.

        The account is identified by source and subject, and created when it does not exist. E-mail address, full name
        and groups are taken from the source, the account's name never changes. A change of groups ends earlier tokens.

        Raises:
            NotOnboarded: the name or the e-mail address of a new person belongs to another account, or the name or
                subject is invalid.

        """
        _require_usable(source, person)
        groups = _usable_groups(source, person.groups)
        profile = _Profile(
            email=person.email if is_email(person.email) and person.email.isprintable() else None,
            realname="".join(character for character in person.realname if character.isprintable())[:TEXT_LIMIT],
            groups=frozenset(groups),
        )
        identity = {"source": source, "subject": person.subject}
        rows = self._ctx.rows(_BY_SUBJECT, identity)
        if rows and not rows[0].disabled and self._stored(rows[0]) == profile:
            return _principal(rows[0])
        with self._ctx.write() as session:
            user = session.scalar(sa.select(User).filter_by(**identity).with_for_update())
            if user is None:
                user = self._create(session, source, person, profile)
                self._join(session, user, groups)
            elif user.disabled:
                return None
            elif self._update(session, user, profile, groups):
                user.version += 1
            session.flush()
            return _principal(user)

    def _stored(self, row: sa.Row[Any]) -> _Profile:
        held = self._ctx.rows(_GROUPS, {"user": row.id})
        return _Profile(
            email=row.email,
            realname=row.realname,
            groups=frozenset((group.group_type, group.ldap_group_dn or group.group_name) for group in held),
        )

    def _create(self, session: Session, source: str, person: Person, profile: _Profile) -> User:
        if session.scalar(conflicting_accounts(person.username, profile.email or person.username)) is not None:
            if session.scalar(sa.select(User.id).filter_by(source=source, subject=person.subject)) is not None:
                raise Overtaken("another login of the same person made the account meanwhile")
            _log.warning("person_not_onboarded", source=source, username=person.username)
            raise NotOnboarded(
                f"identity source {source} knows {person.username}, but that name or its e-mail address belongs to "
                "another account here: an administrator has to delete one of the two"
            )
        now = self._ctx.ports.clock.now()
        user = User(
            username=person.username,
            email=profile.email,
            email_key=None if profile.email is None else email_key(profile.email),
            realname=profile.realname,
            source=source,
            subject=person.subject,
            creation_time=now,
            update_time=now,
        )
        session.add(user)
        session.flush()
        self._ctx.emit(UserCreated(user_id=user.id, username=user.username, operator=user.username))
        return user

    def _update(
        self, session: Session, user: User, profile: _Profile, groups: dict[tuple[int, str], SourceGroup]
    ) -> bool:
        """Update the account from the source; tell whether the person's groups changed."""
        if user.email != profile.email and not self._is_taken(session, user, profile.email):
            user.email = profile.email
            user.email_key = None if profile.email is None else email_key(profile.email)
        user.realname, user.update_time = profile.realname, self._ctx.ports.clock.now()
        return self._join(session, user, groups)

    def _is_taken(self, session: Session, user: User, email: str | None) -> bool:
        """Tell whether another account has this address, in which case the person keeps the previous one."""
        if email is None or session.scalar(conflicting_accounts(email, email).where(User.id != user.id)) is None:
            return False
        _log.warning("email_not_followed", source=user.source, username=user.username)
        return True

    def _join(self, session: Session, user: User, groups: dict[tuple[int, str], SourceGroup]) -> bool:
        """Make the person a member of exactly these groups, create missing ones, and tell whether anything changed."""
        now, members = self._ctx.ports.clock.now(), UserGroupMember
        ids = {
            people.ensure_group(session, group.name, group.type, now, dn=group.dn)
            for _, group in sorted(groups.items())
        }
        held = set(session.scalars(sa.select(members.group_id).where(members.user_id == user.id)))
        joined, left = ids - held, held - ids
        if joined:
            rows = [{"user_id": user.id, "group_id": group_id} for group_id in sorted(joined)]
            session.execute(insert_absent(session, members).values(rows))
        if left:
            session.execute(sa.delete(members).where(members.user_id == user.id, members.group_id.in_(left)))
        return bool(joined or left)


def _require_usable(source: str, person: Person) -> None:
    """Raise NotOnboarded for an invalid name or subject."""
    try:
        require_username(person.username)
    except FieldInvalid as error:
        raise NotOnboarded(
            f"identity source {source} gives a name that no account can have: {error.message}"
        ) from error
    if not _plain(person.username, TEXT_LIMIT) or not _plain(person.subject, _SUBJECT_LIMIT):
        raise NotOnboarded(f"identity source {source} gives a name or an id that cannot be stored")


def _usable_groups(source: str, groups: Collection[SourceGroup]) -> dict[tuple[int, str], SourceGroup]:
    """Return the groups that can be stored, at most ``MOST_GROUPS``, by type and distinguished name or name."""
    plain = {
        (int(group.type), group.dn or group.name): group
        for group in groups
        if _plain(group.name, TEXT_LIMIT) and (not group.dn or _plain(group.dn, _DN_LIMIT))
    }
    usable = dict(sorted(plain.items())[:MOST_GROUPS])
    if len(usable) < len(groups):
        _log.warning("groups_left_out", source=source, given=len(groups), kept=len(usable))
    return usable


def _plain(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable() and bool(text.strip())


def _principal(account: sa.Row[Any] | User) -> Principal:
    return Principal(
        kind=PrincipalKind.USER,
        id=account.id,
        name=account.username,
        sysadmin=account.sysadmin,
        version=account.version,
    )


_BY_SUBJECT: Final = sa.select(
    User.id, User.username, User.email, User.realname, User.sysadmin, User.version, User.disabled
).where(User.source == sa.bindparam("source"), User.subject == sa.bindparam("subject"))
_GROUPS: Final = (
    sa.select(UserGroup.group_type, UserGroup.group_name, UserGroup.ldap_group_dn)
    .join(UserGroupMember, UserGroupMember.group_id == UserGroup.id)
    .where(UserGroupMember.user_id == sa.bindparam("user"))
)
