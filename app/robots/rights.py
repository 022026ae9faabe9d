"""Who may do what to which robot, and the robot's row for who may."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import require_in_system, require_somebody
from app.context import Context
from app.core.errors import DeniedError, NotFoundError, RobotDenied
from app.projects.rights import require
from app.robots.models import Robot


def require_at(ctx: Context, project_id: int | None, action: str) -> None:
    """Refuse who may not do this to the robots of a project, or of the system for None."""
    if project_id is None:
        require_in_system(ctx.principal, "robot", action)
    else:
        require(ctx, project_id, "robot", action)


def placed(ctx: Context, robot_id: int, action: str, project_key: str | int | None = None) -> None:
    """Refuse who may not do this to the robot; NotFoundError when there is none, or none in the project asked for.

    Whose project the robot is in is told to nobody who is refused.
    """
    require_somebody(ctx.principal)
    project = None if project_key is None else require(ctx, project_key, "robot", action)
    with ctx.read() as session:
        found = session.execute(sa.select(Robot.project_id).where(Robot.id == robot_id)).one_or_none()
    if found is None or (project and project.id != found.project_id):
        raise NotFoundError(f"robot account {robot_id} not found")
    if project is None:
        try:
            require_at(ctx, found.project_id, action)
        except DeniedError:
            raise DeniedError(f"unauthorized to {action} robot {robot_id}") from None


def locked(session: Session, robot_id: int) -> Robot:
    """The robot's row, locked until the transaction ends; NotFoundError when it is gone."""
    robot = session.scalar(sa.select(Robot).where(Robot.id == robot_id).with_for_update())
    if robot is None:
        raise NotFoundError(f"robot account {robot_id} not found")
    return robot


def editable(robot: Robot) -> Robot:
    """The robot; RobotDenied when it was taken over from an old installation and may only be deleted."""
    if not robot.editable:
        raise RobotDenied("this robot account cannot be edited")
    return robot
