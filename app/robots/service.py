"""The use cases of robot accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import require_authenticated
from app.access.limits import end_within_makers
from app.access.principals import PrincipalKind
from app.configuration.keys import ROBOT_NAME_PREFIX, ROBOT_TOKEN_DURATION
from app.configuration.service import ConfigurationService
from app.context import Context
from app.core.errors import ConflictError, FieldInvalid, InvalidError
from app.core.paging import Listed
from app.core.query import ListQuery
from app.db.database import retried
from app.events.management import RobotCreated, RobotDeleted, RobotUpdated
from app.identity import known_logins
from app.projects.rights import require_in_project
from app.robots import rows, rules
from app.robots.credentials import hash_secret, new_secret
from app.robots.grants import Grant, Grantable, GrantedAction, Level, SpacePermission, access_in, grantable, grants_of
from app.robots.models import Robot
from app.robots.results import CreatedRobot, RobotView
from app.robots.rights import (
    require_editable,
    require_grants_shown,
    require_held,
    require_in_space,
    require_on_robot,
)
from app.robots.rules import full_name, require_name, stored_name

_LEVELS = {level.value: level for level in Level}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRobot:
    """A robot to create."""

    name: str
    level: str
    permissions: Sequence[SpacePermission]
    description: str = ""
    duration: int | None = None
    """Days, -1 for no end, None for the configured duration."""
    expires_at: int = 0
    """The exact end in seconds since 1970, instead of a duration; 0 for none."""
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotChange:
    """A change of a robot; the full ``name`` and ``level`` must be the robot's own."""

    name: str
    level: str
    permissions: Sequence[SpacePermission]
    description: str = ""
    duration: int | None = None
    """Days from the robot's creation, -1 for no end, None to keep the duration."""
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OldRobot:
    """A project's robot to create, in the form of Harbor before 2.13."""

    name: str
    access: Sequence[GrantedAction]
    """Grants with resources like ``/project/1/repository``."""
    description: str = ""
    expires_at: int = 0
    """Seconds since 1970, -1 for never, 0 for the configured duration."""


class RobotService:
    """The use cases of robots, in the name of the context's principal.

    With a ``project_key``, robots of other projects do not exist.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def list(self, query: ListQuery) -> Listed[RobotView]:
        """Return the page of robots of the system, or of the project that the query names, in four queries.

        Raises InvalidError when the query selects a project's robots without a project, and DeniedError without the
        right to list them.
        """
        require_authenticated(self._ctx.principal)
        project_id = rows.project_id_or_none(query)
        require_in_space(self._ctx, project_id, "list")
        return self._listed(project_id, query)

    def list_of(self, project_key: str | int, query: ListQuery) -> Listed[RobotView]:
        """Return the page of robots of one project."""
        return self._listed(require_in_project(self._ctx, project_key, "robot", "list").id, query)

    def get(self, robot_id: int, *, project_key: str | int | None = None) -> RobotView:
        """Return the robot; raise NotFoundError, and DeniedError without the right to read it."""
        require_on_robot(self._ctx, robot_id, "read", project_key)
        with self._ctx.read() as session:
            return rows.view_of(session, robot_id, prefix=self._prefix(), now=self._now())

    def grantable(self) -> Grantable:
        """Return everything that robots can be granted, for administrators of the system or of any project."""
        require_grants_shown(self._ctx)
        return grantable()

    @retried()
    def create(self, new: NewRobot) -> CreatedRobot:
        """Create a robot and return it with its secret, which is not shown again.

        Raises InvalidError for an invalid value, RobotDenied for grants beyond the caller's own and for an end after
        the caller's, ProjectUnknown for grants in a project that does not exist, ConflictError for a taken name.
        """
        require_authenticated(self._ctx.principal)
        level, grants = _checked(new)
        require_name(new.name)
        project = require_in_project(self._ctx, grants[0][0], "robot", "create") if level is Level.PROJECT else None
        if project is None:
            require_in_space(self._ctx, None, "create")
        name = stored_name(new.name, project.name if project else None)
        with self._ctx.write() as session:
            require_held(session, self._ctx.principal, grants)
            if session.scalar(sa.select(Robot.id).where(Robot.name == name)):
                raise ConflictError(f"the robot account {new.name} exists already")
            return self._insert(session, new, grants, name=name, project_id=project.id if project else None)

    def create_in(self, project_key: str | int, old: OldRobot) -> CreatedRobot:
        """Create a robot of the project as ``create`` does; raise also as ``rights.require_in_project`` does."""
        project = require_in_project(self._ctx, project_key, "robot", "create")
        access = access_in(project.id, old.access)
        never = old.expires_at == rules.NEVER
        return self.create(
            NewRobot(
                name=old.name,
                level=Level.PROJECT,
                permissions=[SpacePermission(kind=Level.PROJECT, namespace=project.name, access=access)],
                description=old.description,
                duration=rules.NEVER if never else None,
                expires_at=0 if never else old.expires_at,
            )
        )

    @retried()
    def update(self, robot_id: int, change: RobotChange) -> None:
        """Change a robot; its tokens end within five seconds when it is disabled or enabled or its grants change.

        Raises InvalidError for an invalid value, RobotDenied for added grants beyond the caller's own and for a robot
        that cannot be edited.
        """
        require_on_robot(self._ctx, robot_id, "update")
        level, grants = _checked(change)
        with self._ctx.write() as session:
            robot = require_editable(rows.require_locked(session, robot_id))
            if change.name != self._prefix() + robot.name or (level is Level.PROJECT) != (robot.project_id is not None):
                raise InvalidError("the name and the level of a robot cannot be changed")
            if level is Level.PROJECT and not robot.name.startswith(stored_name("", grants[0][0])):
                raise InvalidError("a robot of the level project is granted something in its own project only")
            self._regrant(session, robot, grants)
            if change.duration is not None and change.duration != robot.duration:
                robot.duration, robot.expires_at = self._lifetime(change.duration, robot.creation_time)
            self._switch(robot, change.description, disabled=change.disabled)

    @retried()
    def switch(self, robot_id: int, description: str, *, disabled: bool, project_key: str | int) -> None:
        """Change the description of a project's robot, and disable or enable it."""
        require_on_robot(self._ctx, robot_id, "update", project_key)
        rules.require_description(description)
        with self._ctx.write() as session:
            self._switch(require_editable(rows.require_locked(session, robot_id)), description, disabled=disabled)

    @retried()
    def delete(self, robot_id: int, *, project_key: str | int | None = None) -> None:
        """Delete a robot; its tokens end within five seconds."""
        require_on_robot(self._ctx, robot_id, "delete", project_key)
        with self._ctx.write() as session:
            robot = rows.require_locked(session, robot_id)
            name = self._prefix() + robot.name
            self._ctx.emit(RobotDeleted(project_id=robot.project_id or 0, robot_id=robot_id, name=name))
            session.delete(robot)

    def _listed(self, project_id: int | None, query: ListQuery) -> Listed[RobotView]:
        with self._ctx.read() as session:
            return rows.list_robots(session, project_id, query, prefix=self._prefix(), now=self._now())

    def _insert(
        self, session: Session, new: NewRobot, grants: Sequence[Grant], *, name: str, project_id: int | None
    ) -> CreatedRobot:
        named = full_name(self._prefix(), name)
        secret, now, principal = new_secret(), self._now(), self._ctx.principal
        duration, expires_at = self._lifetime(new.duration, now)
        if new.expires_at:
            duration, expires_at = rules.days_until(new.expires_at, now), new.expires_at
        within = end_within_makers(principal, expires_at, chosen=bool(new.duration or new.expires_at))
        if within != expires_at:
            duration, expires_at = rules.days_until(within, now), within
        robot = Robot(
            name=name,
            project_id=project_id,
            description=new.description,
            secret_hash=hash_secret(self._ctx.ports.keys, name, secret),
            duration=duration,
            expires_at=expires_at,
            disabled=new.disabled,
            creator_type="robot" if principal.kind is PrincipalKind.ROBOT else "local",
            creator_ref=principal.id,
            creation_time=now,
            update_time=now,
        )
        session.add(robot)
        session.flush()
        rows.insert_grants(session, robot.id, grants)
        known_logins.remember(session, self._ctx.ports.start_key, named, secret)
        self._ctx.emit(RobotCreated(project_id=project_id or 0, robot_id=robot.id, name=named))
        return CreatedRobot(id=robot.id, name=named, secret=secret, creation_time=now, expires_at=expires_at)

    def _regrant(self, session: Session, robot: Robot, grants: Sequence[Grant]) -> None:
        held = rows.grants_by_robot(session, [robot.id]).get(robot.id, [])
        had, kept = frozenset(held), frozenset(grants)
        added = [grant for grant in grants if grant not in had]
        removed = [grant for grant in held if grant not in kept]
        require_held(session, self._ctx.principal, added)
        rows.delete_grants(session, robot.id, removed)
        rows.insert_grants(session, robot.id, added)
        if added or removed:
            robot.version += 1

    def _switch(self, robot: Robot, description: str, *, disabled: bool) -> None:
        robot.description = description
        if robot.disabled != disabled:
            robot.disabled = disabled
            robot.version += 1
        robot.update_time = self._now()
        name = self._prefix() + robot.name
        self._ctx.emit(RobotUpdated(project_id=robot.project_id or 0, robot_id=robot.id, name=name, what="settings"))

    def _lifetime(self, duration: int | None, since: datetime) -> tuple[int, int]:
        days = duration or ConfigurationService(self._ctx).value(ROBOT_TOKEN_DURATION)
        return days, rules.end_after(days, since)

    def _prefix(self) -> str:
        return ConfigurationService(self._ctx).value(ROBOT_NAME_PREFIX)

    def _now(self) -> datetime:
        return self._ctx.ports.clock.now()


def _checked(settings: NewRobot | RobotChange) -> tuple[Level, tuple[Grant, ...]]:
    rules.require_description(settings.description)
    if settings.duration is not None:
        rules.require_duration(settings.duration)
    level = _LEVELS.get(settings.level)
    if level is None:
        raise FieldInvalid("level", "system or project")
    return level, grants_of(level, settings.permissions)
