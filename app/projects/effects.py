"""The effects of changes to users and groups on projects: memberships end, and robots gain no roles by a change."""

from typing import Final

import sqlalchemy as sa

from app.access.limits import require_role_held
from app.access.principals import PrincipalKind
from app.context import Context
from app.events.management import UserDeleted, UserGroupDeleted, UserGroupRenamed, UserUpdated
from app.identity import people
from app.projects.candidates import GROUP, USER
from app.projects.models import Project, ProjectMember


def user_deleted(ctx: Context, event: UserDeleted) -> None:
    """End the user's memberships."""
    _forget(ctx, USER, event.user_id)


def user_updated(ctx: Context, event: UserUpdated) -> None:
    """Raise RobotDenied for a robot that changes an account's credentials without holding the rights of its roles.

    A caller that sets the password or the e-mail address of an account can log in as it. Changes of the profile are
    allowed.
    """
    if event.what != "profile" and ctx.principal.kind is PrincipalKind.ROBOT:
        for row in ctx.rows(_ROLES, {"user": event.user_id}):
            require_role_held(ctx.principal, row.name, row.role)


def user_group_deleted(ctx: Context, event: UserGroupDeleted) -> None:
    """End the group's memberships."""
    _forget(ctx, GROUP, event.group_id)


def user_group_renamed(ctx: Context, event: UserGroupRenamed) -> None:
    """Show the group's memberships under its new name.

    Raises RobotDenied for a robot that does not hold the rights of the group's roles, as the name decides who gets
    them.
    """
    for row in ctx.rows(_GIVEN, {"group": event.group_id}):
        require_role_held(ctx.principal, row.name, row.role)
    with ctx.write() as session:
        session.execute(_RENAME, {"group": event.group_id, "name": event.group_name}, execution_options=_PLAIN)


def _forget(ctx: Context, kind: str, entity_id: int) -> None:
    with ctx.write() as session:
        session.execute(_FORGET, {"kind": kind, "entity": entity_id}, execution_options=_PLAIN)


_PLAIN: Final = {"synchronize_session": False}
_FORGET = sa.delete(ProjectMember).where(
    ProjectMember.entity_type == sa.bindparam("kind"), ProjectMember.entity_id == sa.bindparam("entity")
)
_GIVEN = (
    sa.select(Project.name, ProjectMember.role)
    .join(Project, Project.id == ProjectMember.project_id)
    .where(ProjectMember.entity_type == GROUP, ProjectMember.entity_id == sa.bindparam("group"))
)
_ROLES = (
    sa.select(Project.name, ProjectMember.role)
    .join(Project, Project.id == ProjectMember.project_id)
    .where(
        sa.or_(
            sa.and_(ProjectMember.entity_type == USER, ProjectMember.entity_id == sa.bindparam("user")),
            sa.and_(
                ProjectMember.entity_type == GROUP,
                ProjectMember.entity_id.in_(people.groups_of(sa.bindparam("user"))),
            ),
        )
    )
)
"""The roles of a user, own ones and those through groups."""
_RENAME = (
    sa.update(ProjectMember)
    .where(ProjectMember.entity_type == GROUP, ProjectMember.entity_id == sa.bindparam("group"))
    .values(entity_name=sa.bindparam("name"))
)
