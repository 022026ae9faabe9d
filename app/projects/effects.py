"""What facts about people set off in projects: who is gone is nobody's member."""

import sqlalchemy as sa

from app.context import Context
from app.events.management import UserDeleted, UserGroupDeleted
from app.projects.candidates import GROUP, USER
from app.projects.models import ProjectMember


def user_deleted(ctx: Context, event: UserDeleted) -> None:
    """End the user's memberships."""
    _forget(ctx, USER, event.user_id)


def user_group_deleted(ctx: Context, event: UserGroupDeleted) -> None:
    """End the group's memberships."""
    _forget(ctx, GROUP, event.group_id)


def _forget(ctx: Context, kind: str, entity_id: int) -> None:
    ctx.session.connection().execute(_FORGET, {"kind": kind, "entity": entity_id})


_FORGET = sa.delete(ProjectMember).where(
    ProjectMember.entity_type == sa.bindparam("kind"), ProjectMember.entity_id == sa.bindparam("entity")
)
