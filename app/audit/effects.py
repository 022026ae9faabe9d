"""Audit rows for what happens to content, projects and people, with the name of whoever did it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from app.audit.models import AuditLog
from app.audit.selection import recorded
from app.context import Context
from app.db import numbers
from app.db.conflict import full_insert
from app.db.plans import run
from app.events.configuration import ConfigurationChanged
from app.events.content import (
    ArtifactDeleted,
    ArtifactPulled,
    ArtifactPushed,
    ContentEvent,
    ContentPulled,
    RepositoryDeleted,
    TagDeleted,
)
from app.events.management import (
    ExecutionRequested,
    ExecutionStopped,
    LoggedIn,
    LoggedOut,
    LoginFailed,
    MemberAdded,
    MemberRemoved,
    MemberUpdated,
    PasswordRefused,
    ProjectCreated,
    ProjectDeleted,
    ProjectUpdated,
    RobotCreated,
    RobotDeleted,
    RobotUpdated,
    ScheduleRemoved,
    ScheduleSet,
    SystemAllowlistChanged,
    UserCreated,
    UserDeleted,
    UserGroupCreated,
    UserGroupDeleted,
    UserGroupRenamed,
    UserUpdated,
)

ANONYMOUS = "anonymous"
_NOWHERE = 0
"""The project of what happens outside any."""
_USERNAME_LIMIT = 255
_RESOURCE_LIMIT = 512
FACTS: Final[Mapping[type, tuple[str, str, str]]] = {
    RepositoryDeleted: ("delete", "repository", "repository"),
    ProjectCreated: ("create", "project", "name"),
    ProjectUpdated: ("update", "project", "name"),
    ProjectDeleted: ("delete", "project", "name"),
    MemberAdded: ("create", "member", "entity_name"),
    MemberUpdated: ("update", "member", "entity_name"),
    MemberRemoved: ("delete", "member", "entity_name"),
    RobotCreated: ("create", "robot", "name"),
    RobotUpdated: ("update", "robot", "name"),
    RobotDeleted: ("delete", "robot", "name"),
    UserUpdated: ("update", "user", "username"),
    UserDeleted: ("delete", "user", "username"),
    UserGroupCreated: ("create", "user-group", "group_name"),
    UserGroupRenamed: ("update", "user-group", "group_name"),
    UserGroupDeleted: ("delete", "user-group", "group_name"),
    ExecutionRequested: ("create", "execution", "name"),
    ExecutionStopped: ("stop", "execution", "name"),
    ScheduleSet: ("update", "schedule", "name"),
    ScheduleRemoved: ("delete", "schedule", "name"),
}
"""Event -> operation, type of resource, and which of the event's attributes names the resource."""


def artifact_pushed(ctx: Context, event: ArtifactPushed) -> None:
    """One row per tag that the push set, or one with the digest."""
    for resource in _references(event, event.digest, event.tags):
        _append(ctx, event.project_id, "create", "artifact", resource)


def content_pulled(ctx: Context, event: ContentPulled) -> None:
    """One row per pull in the puller's name; the context's principal is the system, which only writes them down."""
    now = ctx.ports.clock.now()
    _insert(ctx, [_pull_row(now, pull) for pull in event.pulls])


def artifact_deleted(ctx: Context, event: ArtifactDeleted) -> None:
    """One row with the digest."""
    _append(ctx, event.project_id, "delete", "artifact", f"{event.repository}@{event.digest}")


def tag_deleted(ctx: Context, event: TagDeleted) -> None:
    """One row with the tag."""
    _append(ctx, event.project_id, "delete", "tag", f"{event.repository}:{event.tag}")


def managed(ctx: Context, event: object) -> None:
    """One row for a fact of FACTS, in the project that it names, if it names one."""
    operation, resource_type, attribute = FACTS[type(event)]
    project_id: int = getattr(event, "project_id", _NOWHERE)
    _append(ctx, project_id, operation, resource_type, getattr(event, attribute))


def logged_in(ctx: Context, event: LoggedIn) -> None:
    """One row in the name of whoever came; the request itself began as nobody's."""
    _insert(ctx, [_row(ctx, _NOWHERE, "login", "user", event.username, username=event.username)])


def logged_out(ctx: Context, event: LoggedOut) -> None:
    """One row in the name of whoever left."""
    _insert(ctx, [_row(ctx, _NOWHERE, "logout", "user", event.username, username=event.username)])


def login_failed(ctx: Context, event: LoginFailed) -> None:
    """One row in the name that was tried, whether or not there is such an account."""
    _insert(ctx, [_row(ctx, _NOWHERE, "login", "user", event.username, username=event.username, success=False)])


def password_refused(ctx: Context, event: PasswordRefused) -> None:
    """One row in the name of whoever tried."""
    _insert(ctx, [_row(ctx, _NOWHERE, "update", "user", event.username, success=False)])


def user_created(ctx: Context, event: UserCreated) -> None:
    """One row with the account's name; in that name too when somebody registered themselves."""
    username = None if ctx.principal.authenticated else event.username
    _insert(ctx, [_row(ctx, _NOWHERE, "create", "user", event.username, username=username)])


def configuration_changed(ctx: Context, event: ConfigurationChanged) -> None:
    """One row for all keys of a change."""
    _append(ctx, _NOWHERE, "update", "configuration", event.resource)


def system_allowlist_changed(ctx: Context, _event: SystemAllowlistChanged) -> None:
    """One row for the system's list of accepted vulnerabilities."""
    _append(ctx, _NOWHERE, "update", "configuration", "CVE allowlist")


def _pull_row(now: datetime, pull: ArtifactPulled) -> dict[str, object]:
    resource = f"{pull.repository}@{pull.digest}" if pull.tag is None else f"{pull.repository}:{pull.tag}"
    return {
        "op_time": now,
        "project_id": pull.project_id,
        "username": (pull.operator or ANONYMOUS)[:_USERNAME_LIMIT],
        "operation": "pull",
        "resource_type": "artifact",
        "resource": resource[:_RESOURCE_LIMIT],
        "success": True,
    }


def _references(event: ContentEvent, digest: str, tags: tuple[str, ...]) -> list[str]:
    return [f"{event.repository}:{tag}" for tag in tags] or [f"{event.repository}@{digest}"]


def _append(ctx: Context, project_id: int, operation: str, resource_type: str, resource: str) -> None:
    _insert(ctx, [_row(ctx, project_id, operation, resource_type, resource)])


def _row(  # noqa: PLR0913 - the columns of a row
    ctx: Context,
    project_id: int,
    operation: str,
    resource_type: str,
    resource: str,
    *,
    username: str | None = None,
    success: bool = True,
) -> dict[str, object]:
    return {
        "op_time": ctx.ports.clock.now(),
        "project_id": project_id,
        "username": (username or ctx.principal.name or ANONYMOUS)[:_USERNAME_LIMIT],
        "operation": operation,
        "resource_type": resource_type,
        "resource": resource[:_RESOURCE_LIMIT],
        "success": success,
    }


def _insert(ctx: Context, rows: list[dict[str, object]]) -> None:
    rows = recorded(ctx, rows)
    if not rows:
        return
    ids = numbers.take(ctx.session, numbers.AUDIT, len(rows))
    numbered = [row | {"id": number} for number, row in zip(ids, rows, strict=True)]
    if len(numbered) == 1:
        run(ctx.session, _INSERT_ONE, numbered[0])
    else:
        ctx.ports.db.write_many(ctx.session, _INSERT, numbered)


_INSERT = sa.insert(AuditLog)
_INSERT_ONE = full_insert(AuditLog, *AuditLog.__table__.columns.keys())
