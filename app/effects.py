"""What a fact sets off: event class -> handlers, in order, run inside the emitting transaction."""

from app.artifacts import effects as artifacts
from app.audit import effects as audit
from app.core.plugins import EffectTable
from app.events.content import ArtifactDeleted, ArtifactPushed, ContentPulled, RepositoryDeleted, TagDeleted
from app.events.management import LoginFailed, ProjectCreated, ProjectDeleted, ReadOnlySwitched


def effects() -> EffectTable:
    """Return the table that ``Context.emit`` runs."""
    return {
        ArtifactPushed: (audit.artifact_pushed,),
        ContentPulled: (audit.content_pulled,),
        ArtifactDeleted: (audit.artifact_deleted,),
        TagDeleted: (audit.tag_deleted,),
        RepositoryDeleted: (audit.repository_deleted,),
        LoginFailed: (audit.login_failed,),
        ReadOnlySwitched: (audit.read_only_switched,),
        ProjectCreated: (audit.project_created,),
        ProjectDeleted: (artifacts.project_deleted, audit.project_deleted),
    }
