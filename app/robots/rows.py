"""Reading and changing the rows of robots and their grants, in a constant number of queries."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.errors import InvalidError, NotFoundError, ProjectUnknown
from app.core.paging import PAGE_SIZE_LIMIT, Listed
from app.core.query import Condition, Exact, Fuzzy, ListQuery, Term
from app.db.listing import Columns, conditions, counted, order, paged
from app.projects.rights import find_projects
from app.robots.grants import EVERY_PROJECT, SYSTEM_SPACE, Grant, Level, permissions_of
from app.robots.models import Robot, RobotPermission
from app.robots.results import RobotView
from app.robots.rules import NEVER

_LARGEST_ID = 2**63 - 1
_NUMBER = re.compile("[0-9]{1,19}")
_COLUMNS: Columns = {
    "id": Robot.id,
    "name": Robot.name,
    "description": Robot.description,
    "duration": Robot.duration,
    "expires_at": Robot.expires_at,
    "disabled": Robot.disabled,
    "disable": Robot.disabled,
    "editable": Robot.editable,
    "creator_type": Robot.creator_type,
    "creator_ref": Robot.creator_ref,
    "creation_time": Robot.creation_time,
    "update_time": Robot.update_time,
}


def project_id_or_none(query: ListQuery) -> int | None:
    """Return the id of the project whose robots the query selects, None for the system's robots.

    Raises InvalidError for an unknown level, and for the level project without a project's id.
    """
    level = next(iter(query.values("level")), Exact(value=Level.SYSTEM))
    if level == Exact(value=Level.SYSTEM):
        return None
    if level != Exact(value=Level.PROJECT):
        raise InvalidError("Level must be system or project")
    match next(iter(query.values("project_id")), None):
        case Exact(value=str(digits)) if _NUMBER.fullmatch(digits) and int(digits) <= _LARGEST_ID:
            return int(digits)
        case _:
            raise InvalidError("Level=project needs ProjectID, the id of a project")


def list_robots(
    session: Session, project_id: int | None, query: ListQuery, *, prefix: str, now: datetime
) -> Listed[RobotView]:
    """Return the page of robots of one project, of the system for None, by name unless the query sorts."""
    belongs = Robot.project_id.is_(None) if project_id is None else Robot.project_id == project_id
    plain = replace(query, terms=tuple(_without_prefix(term, prefix) for term in query.terms))
    filters = [belongs, *conditions(plain, _COLUMNS)]
    total = counted(session, sa.select(Robot.id).where(*filters))
    statement = sa.select(Robot).where(*filters).order_by(*order(query.sort, _COLUMNS, (Robot.name,), Robot.id))
    page = query.page.at_most(PAGE_SIZE_LIMIT)
    robots = session.execute(paged(statement, page)).scalars().all()
    grants = grants_by_robot(session, [robot.id for robot in robots])
    items = [_view(robot, grants.get(robot.id, ()), prefix, now) for robot in robots]
    return Listed(items=items, total=total, page=page)


def grants_by_robot(session: Session, ids: Sequence[int]) -> dict[int, list[Grant]]:
    """Return the grants of these robots by robot id, oldest first."""
    statement = (
        sa.select(RobotPermission.robot_id, RobotPermission.namespace, RobotPermission.resource, RobotPermission.action)
        .where(RobotPermission.robot_id.in_(ids))
        .order_by(RobotPermission.id)
    )
    grants: dict[int, list[Grant]] = {}
    for robot_id, namespace, resource, action in session.execute(statement):
        grants.setdefault(robot_id, []).append((namespace, resource, action))
    return grants


def view_of(session: Session, robot_id: int, *, prefix: str, now: datetime) -> RobotView:
    """Return the view of the robot; raise NotFoundError when it is gone."""
    robot = session.get(Robot, robot_id)
    if robot is None:
        raise NotFoundError(f"robot account {robot_id} not found")
    return _view(robot, grants_by_robot(session, [robot.id]).get(robot.id, ()), prefix, now)


def require_locked(session: Session, robot_id: int) -> Robot:
    """Return the robot's row, locked until the transaction ends; raise NotFoundError when it is gone."""
    robot = session.scalar(sa.select(Robot).where(Robot.id == robot_id).with_for_update())
    if robot is None:
        raise NotFoundError(f"robot account {robot_id} not found")
    return robot


def insert_grants(session: Session, robot_id: int, grants: Sequence[Grant]) -> None:
    """Insert the grants; raise ProjectUnknown for a namespace that is no project's name."""
    projects = _project_ids(session, {grant[0] for grant in grants})
    rows = [
        {
            "robot_id": robot_id,
            "namespace": space,
            "project_id": projects[space],
            "resource": resource,
            "action": action,
        }
        for space, resource, action in grants
    ]
    if rows:
        session.execute(sa.insert(RobotPermission), rows)


def delete_grants(session: Session, robot_id: int, grants: Sequence[Grant]) -> None:
    """Delete these grants of the robot."""
    rows = [
        {"robot": robot_id, "space": space, "granted": resource, "verb": action} for space, resource, action in grants
    ]
    if rows:
        session.execute(_TAKE_BACK, rows)


def _view(robot: Robot, grants: Sequence[Grant], prefix: str, now: datetime) -> RobotView:
    return RobotView(
        id=robot.id,
        name=prefix + robot.name,
        description=robot.description,
        level=Level.SYSTEM if robot.project_id is None else Level.PROJECT,
        duration=robot.duration,
        expires_at=robot.expires_at,
        expired=robot.expires_at != NEVER and robot.expires_at <= now.timestamp(),
        disable=robot.disabled,
        editable=robot.editable,
        permissions=permissions_of(grants),
        creator_type=robot.creator_type,
        creator_ref=robot.creator_ref,
        creation_time=robot.creation_time,
        update_time=robot.update_time,
    )


def _without_prefix(term: Term, prefix: str) -> Term:
    """Return the term without the prefix, as names are stored without it and callers give either form."""
    if term.key != "name":
        return term
    condition: Condition = term.condition
    match condition:
        case Exact(value=str(name)):
            condition = Exact(value=name.removeprefix(prefix))
        case Fuzzy(text=text):
            condition = Fuzzy(text=text.removeprefix(prefix))
        case _:
            return term
    return Term(key=term.key, condition=condition)


def _project_ids(session: Session, spaces: AbstractSet[str]) -> dict[str, int | None]:
    """Return project ids by namespace, None for ``/`` and ``*``; raise ProjectUnknown for an unknown name."""
    names = sorted(spaces - {SYSTEM_SPACE, EVERY_PROJECT})
    ids: dict[str, int | None] = dict.fromkeys(spaces - set(names))
    ids |= {project.name: project.id for project in find_projects(session, names)}
    for name in names:
        if name not in ids:
            raise ProjectUnknown(f"project {name} not found")
    return ids


_TAKE_BACK = sa.delete(cast("sa.Table", RobotPermission.__table__)).where(
    RobotPermission.robot_id == sa.bindparam("robot"),
    RobotPermission.namespace == sa.bindparam("space"),
    RobotPermission.resource == sa.bindparam("granted"),
    RobotPermission.action == sa.bindparam("verb"),
)
