"""What a fact sets off: event class -> handlers, in order, run inside the emitting transaction."""

from app.artifacts import effects as artifacts
from app.audit import effects as audit
from app.core.plugins import EffectTable
from app.events.configuration import ConfigurationChanged
from app.events.content import ArtifactDeleted, ArtifactPushed, ContentPulled, RepositoryDeleted, TagDeleted
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
from app.projects import effects as projects
from app.robots import effects as robots


def effects() -> EffectTable:
    """Return the table that ``Context.emit`` runs."""
    return {
        ArtifactPushed: (audit.artifact_pushed,),
        ContentPulled: (audit.content_pulled,),
        ArtifactDeleted: (audit.artifact_deleted,),
        TagDeleted: (audit.tag_deleted,),
        RepositoryDeleted: (audit.managed,),
        LoggedIn: (audit.logged_in,),
        LoggedOut: (audit.logged_out,),
        LoginFailed: (audit.login_failed,),
        ConfigurationChanged: (audit.configuration_changed,),
        SystemAllowlistChanged: (audit.system_allowlist_changed,),
        UserCreated: (audit.user_created,),
        UserUpdated: (projects.user_updated, audit.managed),
        PasswordRefused: (audit.password_refused,),
        UserDeleted: (projects.user_deleted, audit.managed),
        UserGroupCreated: (audit.managed,),
        UserGroupRenamed: (projects.user_group_renamed, audit.managed),
        UserGroupDeleted: (projects.user_group_deleted, audit.managed),
        ProjectCreated: (audit.managed,),
        ProjectUpdated: (audit.managed,),
        ProjectDeleted: (artifacts.project_deleted, robots.project_deleted, audit.managed),
        MemberAdded: (robots.member_added, audit.managed),
        MemberUpdated: (robots.member_updated, audit.managed),
        MemberRemoved: (audit.managed,),
        RobotCreated: (audit.managed,),
        RobotUpdated: (audit.managed,),
        RobotDeleted: (audit.managed,),
        ExecutionRequested: (audit.managed,),
        ExecutionStopped: (audit.managed,),
        ScheduleSet: (audit.managed,),
        ScheduleRemoved: (audit.managed,),
    }
