"""What happens to robots when a project goes, and what they may not do though they hold the right to it."""

import sqlalchemy as sa

from app.context import Context
from app.events.management import MemberAdded, MemberUpdated, ProjectDeleted
from app.robots.models import Robot, RobotPermission
from app.robots.rights import require_role_to_give


def project_deleted(ctx: Context, event: ProjectDeleted) -> None:
    """Stop the tokens of robots that were granted something in it, as another project may take its name."""
    granted = sa.select(RobotPermission.robot_id).where(RobotPermission.project_id == event.project_id)
    statement = sa.update(Robot).where(Robot.id.in_(granted)).values(version=Robot.version + 1)
    ctx.session.execute(statement.execution_options(synchronize_session=False))


def member_added(ctx: Context, event: MemberAdded) -> None:
    """Refuse a robot that gives more than it holds and nobody vouches for: RobotDenied."""
    require_role_to_give(ctx, event.project_id, event.role, "create")


def member_updated(ctx: Context, event: MemberUpdated) -> None:
    """As ``member_added``, for another role."""
    require_role_to_give(ctx, event.project_id, event.role, "update")
