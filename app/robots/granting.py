"""Grants as rows: who may hand them on, and which project each belongs to."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.core.errors import ProjectUnknown, RobotDenied
from app.projects.rights import find_project, find_projects, roles_in
from app.robots.grants import EVERY_PROJECT, SYSTEM_SPACE, Grant, holds
from app.robots.models import RobotPermission


def require_held(session: Session, principal: Principal, grants: Sequence[Grant]) -> None:
    """Raise RobotDenied for the first grant that the caller does not hold: nobody hands on more than that."""
    roles = {space: _roles(session, principal, space) for space in dict.fromkeys(grant[0] for grant in grants)}
    for grant in grants:
        if not holds(principal, roles[grant[0]], grant):
            namespace, resource, action = grant
            raise RobotDenied(f"{resource}:{action} in namespace {namespace} is more than the caller may do")


def insert_grants(session: Session, robot_id: int, grants: Sequence[Grant]) -> None:
    """Write the grants down; ProjectUnknown for a namespace that is no project's name."""
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
    """Take the grants back."""
    rows = [
        {"robot": robot_id, "space": space, "granted": resource, "verb": action} for space, resource, action in grants
    ]
    if rows:
        session.connection().execute(_TAKE_BACK, rows)


def _roles(session: Session, principal: Principal, space: str) -> frozenset[Role]:
    if principal.kind is not PrincipalKind.USER or principal.sysadmin or space in (SYSTEM_SPACE, EVERY_PROJECT):
        return frozenset()
    project = find_project(session, space)
    return roles_in(session, principal, project) if project else frozenset()


def _project_ids(session: Session, spaces: AbstractSet[str]) -> dict[str, int | None]:
    """The project of each space, None for those that are no project's; ProjectUnknown."""
    names = sorted(spaces - {SYSTEM_SPACE, EVERY_PROJECT})
    found: dict[str, int | None] = dict.fromkeys(spaces - set(names))
    found |= {project.name: project.id for project in find_projects(session, names)}
    for name in names:
        if name not in found:
            raise ProjectUnknown(f"project {name} not found")
    return found


_TAKE_BACK = sa.delete(cast("sa.Table", RobotPermission.__table__)).where(
    RobotPermission.robot_id == sa.bindparam("robot"),
    RobotPermission.namespace == sa.bindparam("space"),
    RobotPermission.resource == sa.bindparam("granted"),
    RobotPermission.action == sa.bindparam("verb"),
)
