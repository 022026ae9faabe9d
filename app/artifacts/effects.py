"""Reactions to the events of other features that affect repositories."""

import sqlalchemy as sa

from app.artifacts.deletion import delete_repository
from app.artifacts.models import Repository
from app.artifacts.repositories import lock_repository_or_none
from app.context import Context
from app.events.management import ProjectDeleted


def project_deleted(ctx: Context, event: ProjectDeleted) -> None:
    """Delete the project's unpublished repositories, which got blobs but never a manifest."""
    names = sa.select(Repository.name).where(
        Repository.project_id == event.project_id, Repository.published.is_(sa.false())
    )
    with ctx.write() as session:
        for name in session.execute(names).scalars().all():
            repository = lock_repository_or_none(session, name, to_delete=True)
            if repository is not None and not repository.published:
                delete_repository(ctx, repository)
