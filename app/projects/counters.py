"""The counters on a project's row, changed at the end of a transaction so that nobody waits long for the row."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.projects.models import Project


def count_content(session: Session, project_id: int, *, stored: int = 0, repositories: int = 0) -> None:
    """Add to the bytes stored and to the number of visible repositories; call it last in the transaction."""
    if stored or repositories:
        session.connection().execute(_GROW, {"project": project_id, "stored": stored, "repositories": repositories})


_GROW = (
    sa.update(Project)
    .where(Project.id == sa.bindparam("project"))
    .values(
        storage_used=Project.storage_used + sa.bindparam("stored"),
        repo_count=Project.repo_count + sa.bindparam("repositories"),
    )
)
