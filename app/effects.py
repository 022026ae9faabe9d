"""What a fact sets off: event class -> handlers, in order, run inside the emitting transaction."""

from app.audit import effects as audit
from app.core.plugins import EffectTable
from app.events.content import ArtifactDeleted, ArtifactPulled, ArtifactPushed, RepositoryDeleted, TagDeleted
from app.events.management import ProjectCreated, ProjectDeleted


def effects() -> EffectTable:
    """Return the table that ``Context.emit`` runs."""
    return {
        ArtifactPushed: (audit.artifact_pushed,),
        ArtifactPulled: (audit.artifact_pulled,),
        ArtifactDeleted: (audit.artifact_deleted,),
        TagDeleted: (audit.tag_deleted,),
        RepositoryDeleted: (audit.repository_deleted,),
        ProjectCreated: (audit.project_created,),
        ProjectDeleted: (audit.project_deleted,),
    }
