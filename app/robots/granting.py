"""Grants as rows: who may hand them on, and which project each belongs to."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.core.errors import ProjectUnknown, RobotDenied
from app.projects.rights import find_project, roles_in
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
    projects = {space: _project_id(session, space) for space in dict.fromkeys(grant[0] for grant in grants)}
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
    for space, resource, action in grants:
        session.execute(
            sa.delete(RobotPermission).where(
                RobotPermission.robot_id == robot_id,
                RobotPermission.namespace == space,
                RobotPermission.resource == resource,
                RobotPermission.action == action,
            )
        )


def _roles(session: Session, principal: Principal, space: str) -> frozenset[Role]:
    if principal.kind is not PrincipalKind.USER or principal.sysadmin or space in (SYSTEM_SPACE, EVERY_PROJECT):
        return frozenset()
    project = find_project(session, space)
    return roles_in(session, principal, project) if project else frozenset()


def _project_id(session: Session, space: str) -> int | None:
    if space in (SYSTEM_SPACE, EVERY_PROJECT):
        return None
    project = find_project(session, space)
    if project is None:
        raise ProjectUnknown(f"project {space} not found")
    return project.id
