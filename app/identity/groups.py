"""User groups, which outside identity sources know and which can have roles in projects."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.access.decision import require_authenticated, require_in_system
from app.context import Context
from app.core.errors import ConflictError, FieldInvalid, NotFoundError, UnsupportedError
from app.core.paging import Listed, OffsetPage
from app.db.database import retried
from app.db.listing import contains, counted, paged
from app.events.management import UserGroupCreated, UserGroupDeleted, UserGroupRenamed
from app.identity import people
from app.identity.models import UserGroup
from app.identity.people import GroupType
from app.identity.rules import TEXT_LIMIT

_LDAP: Final = "groups of an LDAP directory (group_type 1) cannot be added: no directory is configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A user group."""

    id: int
    group_name: str
    group_type: int
    ldap_group_dn: str = ""


class GroupService:
    """The use cases of user groups, for administrators and robots with the grants; every account may search.

    Methods raise UnauthenticatedError for an anonymous caller and DeniedError for a caller without the right.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def list(self, page: OffsetPage, *, name: str = "", ldap_group_dn: str = "") -> Listed[Group]:
        """Return the page of groups by name; only those whose name contains ``name`` and with this DN, if given."""
        self._require("list")
        filters = [contains(UserGroup.group_name, name)] if name else []
        return self._page(page, *filters, *([UserGroup.ldap_group_dn == ldap_group_dn] if ldap_group_dn else []))

    def search(self, text: str, page: OffsetPage) -> Listed[Group]:
        """Return the page of groups whose name contains ``text``, in any case."""
        require_authenticated(self._ctx.principal)
        return self._page(page, contains(UserGroup.group_name, text))

    def get(self, group_id: int) -> Group:
        """Return the group; raise FieldInvalid for an impossible id, NotFoundError when there is none."""
        self._require("read")
        _require_id(group_id)
        with self._ctx.read() as session:
            row = session.execute(_ROWS.where(UserGroup.id == group_id)).one_or_none()
        if row is None:
            raise _unknown(group_id)
        return Group(**row._asdict())

    @retried()
    def create(self, name: str, group_type: int) -> int:
        """Create a group and return its id.

        Raises FieldInvalid for an invalid name or type, UnsupportedError for an LDAP group, ConflictError when there
        is one of this name and type.
        """
        self._require("create")
        _require_name(name)
        if group_type not in set(GroupType):
            raise FieldInvalid("group_type", "1 (LDAP), 2 (HTTP) or 3 (OIDC)")
        if group_type == GroupType.LDAP:
            raise UnsupportedError(_LDAP)
        now = self._ctx.ports.clock.now()
        with self._ctx.write() as session:
            _require_unique(session, name, group_type)
            group = UserGroup(group_name=name, group_type=group_type, creation_time=now, update_time=now)
            session.add(group)
            session.flush()
            self._ctx.emit(UserGroupCreated(group_id=group.id, group_name=name))
            return group.id

    @retried()
    def rename(self, group_id: int, name: str) -> None:
        """Rename the group; raise FieldInvalid, NotFoundError, ConflictError when another of its type has the name."""
        self._require("update")
        _require_id(group_id)
        _require_name(name)
        with self._ctx.write() as session:
            group = _locked(session, group_id)
            if group.group_name != name:
                _require_unique(session, name, group.group_type)
                group.group_name, group.update_time = name, self._ctx.ports.clock.now()
                self._ctx.emit(UserGroupRenamed(group_id=group_id, group_name=name))

    @retried()
    def delete(self, group_id: int) -> None:
        """Delete the group; its members lose its roles within seconds. Raises FieldInvalid, NotFoundError."""
        self._require("delete")
        _require_id(group_id)
        with self._ctx.write() as session:
            group = _locked(session, group_id)
            self._ctx.emit(UserGroupDeleted(group_id=group_id, group_name=group.group_name))
            people.revoke_tokens_of_group(session, group_id)
            session.delete(group)

    def _page(self, page: OffsetPage, *filters: ColumnElement[bool]) -> Listed[Group]:
        with self._ctx.read() as session:
            total = counted(session, sa.select(UserGroup.id).where(*filters))
            rows = session.execute(paged(_ROWS.where(*filters).order_by(UserGroup.group_name, UserGroup.id), page))
            return Listed(items=[Group(**row._asdict()) for row in rows], total=total, page=page)

    def _require(self, action: str) -> None:
        require_in_system(self._ctx.principal, "user-group", action)


def _require_id(group_id: int) -> None:
    if group_id <= 0:
        raise FieldInvalid("group_id", "a number above 0")


def _require_name(name: str) -> None:
    if not 0 < len(name) <= TEXT_LIMIT or not name.strip():
        raise FieldInvalid("group_name", f"a name of 1 to {TEXT_LIMIT} characters")


def _require_unique(session: Session, name: str, group_type: int) -> None:
    if people.group_id_by_name_or_none(session, name, GroupType(group_type)) is not None:
        raise ConflictError(f"a user group named {name} of type {group_type} exists already")


def _locked(session: Session, group_id: int) -> UserGroup:
    group = session.scalar(sa.select(UserGroup).where(UserGroup.id == group_id).with_for_update())
    if group is None:
        raise _unknown(group_id)
    return group


def _unknown(group_id: int) -> NotFoundError:
    return NotFoundError(f"user group {group_id} not found")


_ROWS = sa.select(UserGroup.id, UserGroup.group_name, UserGroup.group_type, UserGroup.ldap_group_dn)
