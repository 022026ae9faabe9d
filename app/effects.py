"""What a fact sets off: event class -> handlers, in order, run inside the emitting transaction."""

from app.artifacts import effects as artifacts
from app.audit import effects as audit
from app.core.plugins import EffectTable
from app.events.content import ArtifactDeleted, ArtifactPulled, ArtifactPushed, RepositoryDeleted, TagDeleted
from app.events.management import LoginFailed, ProjectCreated, ProjectDeleted


def effects() -> EffectTable:
    """Return the table that ``Context.emit`` runs."""
    return {
        ArtifactPushed: (audit.artifact_pushed,),
        ArtifactPulled: (audit.artifact_pulled,),
        ArtifactDeleted: (audit.artifact_deleted,),
        TagDeleted: (audit.tag_deleted,),
        RepositoryDeleted: (audit.repository_deleted,),
        LoginFailed: (audit.login_failed,),
        ProjectCreated: (audit.project_created,),
        ProjectDeleted: (artifacts.project_deleted, audit.project_deleted),
    }
