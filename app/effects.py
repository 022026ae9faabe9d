"""The effects table: the handlers of each event class, in order, run inside the emitting transaction."""

from collections.abc import Iterable
from typing import Final

from app.artifacts import effects as artifacts
from app.audit import effects as audit
from app.core.errors import InternalError
from app.events.base import Effect, EffectTable, Event
from app.events.catalog import facts
from app.events.configuration import ConfigurationChanged, SystemAllowlistChanged
from app.events.content import (
    ArtifactDeleted,
    ArtifactPushed,
    ContentPulled,
    RepositoryDeleted,
    RepositoryUpdated,
    TagCreated,
    TagDeleted,
    TagRestored,
)
from app.events.immutability import ImmutableRuleCreated, ImmutableRuleDeleted, ImmutableRuleUpdated
from app.events.labels import (
    ArtifactLabelAdded,
    ArtifactLabelRemoved,
    LabelCreated,
    LabelDeleted,
    LabelUpdated,
    RepositoryLabelAdded,
    RepositoryLabelRemoved,
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
    UserCreated,
    UserDeleted,
    UserGroupCreated,
    UserGroupDeleted,
    UserGroupRenamed,
    UserUpdated,
)
from app.events.quotas import ProjectQuotaExceeded, QuotaChanged, QuotaWarning
from app.events.refusals import (
    CreationRefused,
    DeleteDenied,
    DeletionRefused,
    PullDenied,
    PushDenied,
    UpdateRefused,
)
from app.projects import effects as projects
from app.robots import effects as robots

_NOT_SHOWN: Final[tuple[Effect, ...]] = ()
"""For events that the audit log has no type for; webhooks will send them."""


def effects() -> EffectTable:
    """Return the table that ``Context.emit`` uses; InternalError names an event class whose row is missing or wrong."""
    table: EffectTable = {
        ArtifactPushed: (audit.record,),
        ContentPulled: (audit.record,),
        ArtifactDeleted: (audit.record,),
        TagCreated: (audit.record,),
        TagDeleted: (audit.record,),
        TagRestored: (audit.record,),
        RepositoryDeleted: (audit.record,),
        LabelCreated: (audit.record,),
        LabelUpdated: (audit.record,),
        LabelDeleted: (audit.record,),
        ArtifactLabelAdded: (audit.record,),
        ArtifactLabelRemoved: (audit.record,),
        RepositoryLabelAdded: (audit.record,),
        RepositoryLabelRemoved: (audit.record,),
        RepositoryUpdated: (audit.record,),
        PushDenied: (audit.record,),
        PullDenied: (audit.record,),
        DeleteDenied: (audit.record,),
        QuotaChanged: (audit.record,),
        CreationRefused: (audit.record,),
        UpdateRefused: (audit.record,),
        DeletionRefused: (audit.record,),
        QuotaWarning: _NOT_SHOWN,
        ProjectQuotaExceeded: _NOT_SHOWN,
        LoggedIn: (audit.record,),
        LoggedOut: (audit.record,),
        LoginFailed: (audit.record,),
        ConfigurationChanged: (audit.record,),
        SystemAllowlistChanged: (audit.record,),
        UserCreated: (audit.record,),
        UserUpdated: (projects.user_updated, audit.record),
        PasswordRefused: (audit.record,),
        UserDeleted: (projects.user_deleted, audit.record),
        UserGroupCreated: (audit.record,),
        UserGroupRenamed: (projects.user_group_renamed, audit.record),
        UserGroupDeleted: (projects.user_group_deleted, audit.record),
        ProjectCreated: (audit.record,),
        ProjectUpdated: (audit.record,),
        ProjectDeleted: (artifacts.project_deleted, robots.project_deleted, audit.record),
        ImmutableRuleCreated: (audit.record,),
        ImmutableRuleUpdated: (audit.record,),
        ImmutableRuleDeleted: (audit.record,),
        MemberAdded: (robots.member_added, audit.record),
        MemberUpdated: (robots.member_updated, audit.record),
        MemberRemoved: (audit.record,),
        RobotCreated: (audit.record,),
        RobotUpdated: (audit.record,),
        RobotDeleted: (audit.record,),
        ExecutionRequested: (audit.record,),
        ExecutionStopped: (audit.record,),
        ScheduleSet: (audit.record,),
        ScheduleRemoved: (audit.record,),
    }
    require_rows(table, facts())
    return table


def require_rows(table: EffectTable, known: Iterable[type[Event]]) -> None:
    """Raise InternalError unless each known event class has a row.

    Its row must have ``audit.record`` if and only if the class names an ``operation`` for the audit log.
    """
    if missing := [kind.__name__ for kind in known if kind not in table]:
        raise InternalError(f"no row in app/effects.py for the events {', '.join(missing)}")
    for kind, handlers in table.items():
        if bool(kind.operation) != (audit.record in handlers):
            raise InternalError(
                f"event {kind.__name__} must have an operation for the audit log, and audit.record, or neither"
            )
