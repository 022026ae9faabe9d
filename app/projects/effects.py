"""What facts about people set off in projects: who is gone is nobody's member."""

import sqlalchemy as sa

from app.access.limits import refuse_role_not_held
from app.context import Context
from app.events.management import UserDeleted, UserGroupDeleted, UserGroupRenamed
from app.projects.candidates import GROUP, USER
from app.projects.models import Project, ProjectMember


def user_deleted(ctx: Context, event: UserDeleted) -> None:
    """End the user's memberships."""
    _forget(ctx, USER, event.user_id)


def user_group_deleted(ctx: Context, event: UserGroupDeleted) -> None:
    """End the group's memberships."""
    _forget(ctx, GROUP, event.group_id)


def user_group_renamed(ctx: Context, event: UserGroupRenamed) -> None:
    """Show the group's memberships under its new name.

    The name says whose roles they are: RobotDenied for a robot that does not hold what they hold.
    """
    for row in ctx.rows(_GIVEN, {"group": event.group_id}):
        refuse_role_not_held(ctx.principal, row.name, row.role)
    ctx.session.connection().execute(_RENAME, {"group": event.group_id, "name": event.group_name})


def _forget(ctx: Context, kind: str, entity_id: int) -> None:
    ctx.session.connection().execute(_FORGET, {"kind": kind, "entity": entity_id})


_FORGET = sa.delete(ProjectMember).where(
    ProjectMember.entity_type == sa.bindparam("kind"), ProjectMember.entity_id == sa.bindparam("entity")
)
_GIVEN = (
    sa.select(Project.name, ProjectMember.role)
    .join(Project, Project.id == ProjectMember.project_id)
    .where(ProjectMember.entity_type == GROUP, ProjectMember.entity_id == sa.bindparam("group"))
)
_RENAME = (
    sa.update(ProjectMember)
    .where(ProjectMember.entity_type == GROUP, ProjectMember.entity_id == sa.bindparam("group"))
    .values(entity_name=sa.bindparam("name"))
)
