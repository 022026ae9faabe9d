"""The members of projects: users and groups with a role. Each change ends their tokens within seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.access.roles import POWER, Role
from app.context import Context
from app.core.errors import ConflictError, FieldInvalid, NotFoundError
from app.core.paging import Listed, OffsetPage
from app.db.database import retried
from app.db.listing import ends, windowed
from app.events.management import MemberAdded, MemberRemoved, MemberUpdated
from app.identity import people
from app.projects.candidates import USER, Candidate, Entity, hold, resolve
from app.projects.models import ProjectMember
from app.projects.rights import require_in_project

_ROLE_NAMES: Final[Mapping[int, str]] = {
    Role.PROJECT_ADMIN: "projectAdmin",
    Role.MAINTAINER: "maintainer",
    Role.DEVELOPER: "developer",
    Role.GUEST: "guest",
    Role.LIMITED_GUEST: "limitedGuest",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A user (``u``) or group (``g``) with a role in a project."""

    id: int
    project_id: int
    entity_type: str
    entity_id: int
    entity_name: str
    role: int

    @property
    def role_name(self) -> str:
        """Harbor's name of the role."""
        return _ROLE_NAMES.get(self.role, "")


class MemberService:
    """The use cases of project members, in the name of the context's principal.

    Methods raise as ``rights.require_in_project`` does, and RobotDenied for a robot that gives a role whose rights it
    lacks and that its creator may not give either.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def list(self, project_key: str | int, page: OffsetPage, *, name: str = "") -> Listed[Member]:
        """Return the page of members in the order of their names; only those named ``name`` when it is given."""
        project = require_in_project(self._ctx, project_key, "member", "list")
        parameters: dict[str, object] = {"project": project.id} | ({"name": name} if name else {})
        count, rows = (_COUNT_NAMED, _PAGE_NAMED) if name else (_COUNT, _PAGE)
        return Listed(
            items=[Member(**row._asdict()) for row in self._ctx.prepared_rows(rows, parameters | ends(page))],
            total=self._ctx.prepared_rows(count, parameters)[0].total,
            page=page,
        )

    def get(self, project_key: str | int, member_id: int) -> Member:
        """Return the member; raise NotFoundError when the project has no such member."""
        project = require_in_project(self._ctx, project_key, "member", "read")
        for row in self._ctx.rows(_ONE, {"project": project.id, "member": member_id}):
            return Member(**row._asdict())
        raise _unknown(member_id)

    @retried()
    def add(self, project_key: str | int, candidate: int | Candidate, role: int) -> int:
        """Give a candidate (a number is a user's id) a role in the project and return the membership's id.

        Raises FieldInvalid for an unknown role and an invalid candidate, NotFoundError for an unknown user name,
        ConflictError when the candidate is a member of the project already.
        """
        project = require_in_project(self._ctx, project_key, "member", "create")
        _require_role(role)
        candidate = Candidate(user_id=candidate) if isinstance(candidate, int) else candidate
        now = self._ctx.ports.clock.now()
        with self._ctx.write() as session:
            entity = resolve(session, candidate, now)
            member = ProjectMember(
                project_id=project.id,
                entity_type=entity.type,
                entity_id=entity.id,
                entity_name=entity.name,
                role=role,
                creation_time=now,
                update_time=now,
            )
            if session.execute(_KNOWN, {"project": project.id, "type": entity.type, "entity": entity.id}).first():
                raise ConflictError("The project member specified already exist")
            # Before the change, so that the person who vouches for a robot does not hold the role through it.
            self._ctx.emit(MemberAdded(project_id=project.id, project=project.name, entity_name=entity.name, role=role))
            session.add(member)
            session.flush()
            _revoke(session, entity)
            return member.id

    @retried()
    def set_role(self, project_key: str | int, member_id: int, role: int) -> None:
        """Change the role of a member, also of the last administrator.

        Raises FieldInvalid for an unknown role, NotFoundError when the project has no such member.
        """
        project = require_in_project(self._ctx, project_key, "member", "update")
        _require_role(role)
        with self._ctx.write() as session:
            entity = _entity(session, project.id, member_id)
            # Before the change, as in ``add``.
            updated = MemberUpdated(project_id=project.id, project=project.name, entity_name=entity.name, role=role)
            self._ctx.emit(updated)
            change = sa.update(ProjectMember).values(role=role, update_time=self._ctx.ports.clock.now())
            _execute(session, change.where(*_is(project.id, member_id)), member_id)
            _revoke(session, entity)

    @retried()
    def remove(self, project_key: str | int, member_id: int) -> None:
        """Remove a member, also the last administrator; raise NotFoundError when the project has no such member."""
        project = require_in_project(self._ctx, project_key, "member", "delete")
        with self._ctx.write() as session:
            entity = _entity(session, project.id, member_id)
            _execute(session, sa.delete(ProjectMember).where(*_is(project.id, member_id)), member_id)
            _revoke(session, entity)
            self._ctx.emit(MemberRemoved(project_id=project.id, project=project.name, entity_name=entity.name))


def count_by_role(session: Session, project_id: int) -> Mapping[Role, int]:
    """Return the number of members by role, without roles that have no members."""
    return {Role(role): count for role, count in session.execute(_BY_ROLE, {"project": project_id})}


def _require_role(role: int) -> None:
    if role not in POWER:
        raise FieldInvalid("role_id", "one of 1, 2, 3, 4, 5")


def _entity(session: Session, project_id: int, member_id: int) -> Entity:
    """Return the user or group of a membership, locked in the same order as in ``add``."""
    known = sa.select(ProjectMember.entity_type, ProjectMember.entity_id).where(*_is(project_id, member_id))
    row = session.execute(known).one_or_none()
    if row is None:
        raise _unknown(member_id)
    return hold(session, row.entity_type, row.entity_id)


def _execute(session: Session, statement: sa.Update | sa.Delete, member_id: int) -> None:
    """Execute the statement; raise NotFoundError when the row was deleted meanwhile."""
    changed = session.execute(
        statement.returning(ProjectMember.id).execution_options(synchronize_session=False)
    ).one_or_none()
    if changed is None:
        raise _unknown(member_id)


def _revoke(session: Session, entity: Entity) -> None:
    if entity.type == USER:
        people.revoke_tokens(session, [entity.id])
    else:
        people.revoke_tokens_of_group(session, entity.id)


def _is(project_id: int, member_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ProjectMember.id == member_id, ProjectMember.project_id == project_id


def _unknown(member_id: int) -> NotFoundError:
    return NotFoundError(f"project member {member_id} not found")


_OF_PROJECT = ProjectMember.project_id == sa.bindparam("project")
_NAMED = ProjectMember.entity_name == sa.bindparam("name")
_MEMBERS = sa.select(
    ProjectMember.id,
    ProjectMember.project_id,
    ProjectMember.entity_type,
    ProjectMember.entity_id,
    ProjectMember.entity_name,
    ProjectMember.role,
).where(_OF_PROJECT)
_COUNT = sa.select(sa.func.count().label("total")).where(_OF_PROJECT)
_COUNT_NAMED = _COUNT.where(_NAMED)
_PAGE = windowed(_MEMBERS.order_by(ProjectMember.entity_name, ProjectMember.id))
_PAGE_NAMED = _PAGE.where(_NAMED)
_ONE = _MEMBERS.where(ProjectMember.id == sa.bindparam("member"))
_KNOWN = sa.select(ProjectMember.id).where(
    ProjectMember.project_id == sa.bindparam("project"),
    ProjectMember.entity_type == sa.bindparam("type"),
    ProjectMember.entity_id == sa.bindparam("entity"),
)
_BY_ROLE = (
    sa.select(ProjectMember.role, sa.func.count())
    .where(ProjectMember.project_id == sa.bindparam("project"))
    .group_by(ProjectMember.role)
)
