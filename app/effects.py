"""What a fact sets off: event class -> handlers, in order, run inside the emitting transaction."""

from app.artifacts import effects as artifacts
from app.audit import effects as audit
from app.core.plugins import EffectTable
from app.events.content import ArtifactDeleted, ArtifactPushed, ContentPulled, RepositoryDeleted, TagDeleted
from app.events.management import (
    LoggedIn,
    LoggedOut,
    LoginFailed,
    MemberAdded,
    MemberRemoved,
    MemberUpdated,
    ProjectCreated,
    ProjectDeleted,
    ProjectUpdated,
    ReadOnlySwitched,
    RobotCreated,
    RobotDeleted,
    RobotUpdated,
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
        RepositoryDeleted: (audit.repository_deleted,),
        LoggedIn: (audit.logged_in,),
        LoggedOut: (audit.logged_out,),
        LoginFailed: (audit.login_failed,),
        ReadOnlySwitched: (audit.read_only_switched,),
        SystemAllowlistChanged: (audit.system_allowlist_changed,),
        UserCreated: (audit.user_created,),
        UserUpdated: (audit.user_updated,),
        UserDeleted: (projects.user_deleted, audit.user_deleted),
        UserGroupCreated: (audit.user_group_created,),
        UserGroupRenamed: (projects.user_group_renamed, audit.user_group_renamed),
        UserGroupDeleted: (projects.user_group_deleted, audit.user_group_deleted),
        ProjectCreated: (audit.project_created,),
        ProjectUpdated: (audit.project_updated,),
        ProjectDeleted: (artifacts.project_deleted, robots.project_deleted, audit.project_deleted),
        MemberAdded: (audit.member_added,),
        MemberUpdated: (audit.member_updated,),
        MemberRemoved: (audit.member_removed,),
        RobotCreated: (audit.robot_created,),
        RobotUpdated: (audit.robot_updated,),
        RobotDeleted: (audit.robot_deleted,),
    }
