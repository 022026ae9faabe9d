"""Candidates for members of a project: a user or a group, in the ways that the management API names them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from app.core.errors import FieldInvalid, NotFoundError
from app.identity import people
from app.identity.people import GroupType

USER: Final = "u"
GROUP: Final = "g"
_NAME_LIMIT: Final = 255
_MADE_BY_NAME: Final = frozenset({GroupType.HTTP, GroupType.OIDC})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A user by id or name, or a group by id, distinguished name, or name and type; 0 or empty means absent.

    An id takes precedence over names, and a distinguished name over a group's name.
    """

    user_id: int = 0
    username: str = ""
    group_id: int = 0
    ldap_group_dn: str = ""
    group_name: str = ""
    group_type: int = 0

    @property
    def of_user(self) -> bool:
        """Whether the candidate names a user."""
        return self.user_id > 0 or bool(self.username)

    @property
    def of_group(self) -> bool:
        """Whether the candidate names a group."""
        return self.group_id > 0 or bool(self.ldap_group_dn or self.group_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """An existing user (``u``) or group (``g``)."""

    type: str
    id: int
    name: str


def resolve(session: Session, candidate: Candidate, now: datetime) -> Entity:
    """Return the user or group of the candidate, locked against deletion until the transaction ends.

    An HTTP or OIDC group that does not exist yet is created, as its members may not have logged in yet. Raises
    FieldInvalid for none or both and for an unknown id, group or type; NotFoundError for an unknown user name.
    """
    if candidate.of_user == candidate.of_group:
        raise FieldInvalid("the member", "one user (member_user) or one group (member_group)")
    if candidate.of_user:
        return _user(session, candidate)
    return _group(session, candidate, now)


def hold(session: Session, kind: str, entity_id: int) -> Entity:
    """Return the user or group of a membership, locked against deletion until the transaction ends."""
    lock: Callable[[Session, int], str | None] = people.hold_user if kind == USER else people.hold_group
    return Entity(type=kind, id=entity_id, name=lock(session, entity_id) or "")


def _user(session: Session, candidate: Candidate) -> Entity:
    user_id = candidate.user_id if candidate.user_id > 0 else people.user_id_or_none(session, candidate.username)
    name = None if user_id is None else people.hold_user(session, user_id)
    if user_id is not None and name is not None:
        return Entity(type=USER, id=user_id, name=name)
    if candidate.user_id > 0:
        raise FieldInvalid("member_user.user_id", "that of a user")
    raise NotFoundError(f"user {candidate.username} not found")


def _group(session: Session, candidate: Candidate, now: datetime) -> Entity:
    group_id, field = _group_id_or_none(session, candidate, now)
    name = None if group_id is None else people.hold_group(session, group_id)
    if group_id is None or name is None:
        raise FieldInvalid(field, "that of a user group")
    return Entity(type=GROUP, id=group_id, name=name)


def _group_id_or_none(session: Session, candidate: Candidate, now: datetime) -> tuple[int | None, str]:
    """Return the group's id, None for an unknown group, and the field of the request that named it."""
    if candidate.group_id > 0:
        return candidate.group_id, "member_group.id"
    if candidate.ldap_group_dn:
        return people.group_id_by_dn_or_none(session, candidate.ldap_group_dn), "member_group.ldap_group_dn"
    if candidate.group_type not in set(GroupType):
        raise FieldInvalid("member_group.group_type", "1 (LDAP), 2 (HTTP) or 3 (OIDC)")
    kind, name = GroupType(candidate.group_type), candidate.group_name
    if kind not in _MADE_BY_NAME:
        return people.group_id_by_name_or_none(session, name, kind), "member_group.group_name"
    if len(name) > _NAME_LIMIT:
        raise FieldInvalid("member_group.group_name", f"a name of 1 to {_NAME_LIMIT} characters")
    return people.ensure_group(session, name, kind, now), "member_group.group_name"
