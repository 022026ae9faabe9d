"""What happens to robots when a project goes."""

import sqlalchemy as sa

from app.context import Context
from app.events.management import ProjectDeleted
from app.robots.models import Robot, RobotPermission


def project_deleted(ctx: Context, event: ProjectDeleted) -> None:
    """Stop the tokens of robots that were granted something in it, as another project may take its name."""
    granted = sa.select(RobotPermission.robot_id).where(RobotPermission.project_id == event.project_id)
    statement = sa.update(Robot).where(Robot.id.in_(granted)).values(version=Robot.version + 1)
    ctx.session.execute(statement.execution_options(synchronize_session=False))
