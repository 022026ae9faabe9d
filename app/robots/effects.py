"""The effects of deleted projects and changed memberships on robots."""

import sqlalchemy as sa

from app.context import Context
from app.events.management import MemberAdded, MemberUpdated, ProjectDeleted
from app.robots.models import Robot, RobotPermission
from app.robots.rights import require_role_to_give


def project_deleted(ctx: Context, event: ProjectDeleted) -> None:
    """End the tokens of robots with grants in the project, as another project may take its name."""
    granted = sa.select(RobotPermission.robot_id).where(RobotPermission.project_id == event.project_id)
    statement = sa.update(Robot).where(Robot.id.in_(granted)).values(version=Robot.version + 1)
    with ctx.write() as session:
        session.execute(statement.execution_options(synchronize_session=False))


def member_added(ctx: Context, event: MemberAdded) -> None:
    """Raise RobotDenied for a robot that gives a role that it lacks and that its creator may not give either."""
    require_role_to_give(ctx, event.project_id, event.role, "create")


def member_updated(ctx: Context, event: MemberUpdated) -> None:
    """Raise RobotDenied as ``member_added`` does, for a changed role."""
    require_role_to_give(ctx, event.project_id, event.role, "update")
