"""Reactions to the events of other features that affect repositories."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.deletion import delete_repository
from app.artifacts.large_repositories import is_large
from app.artifacts.models import Repository
from app.artifacts.repositories import RepositoryRef, lock_repository_or_none
from app.context import Context
from app.core.errors import PreconditionError
from app.events.management import ProjectDeleted


def project_deleted(ctx: Context, event: ProjectDeleted) -> None:
    """Delete the project's unpublished repositories, which got blobs but never a manifest, or are being deleted.

    Raise PreconditionError while a large one is being deleted.
    """
    names = sa.select(Repository.name).where(
        Repository.project_id == event.project_id, Repository.published.is_(sa.false())
    )
    with ctx.write() as session:
        for name in session.execute(names).scalars().all():
            repository = lock_repository_or_none(session, name, to_delete=True)
            if repository is not None and not repository.published:
                _require_small(session, repository)
                delete_repository(ctx, repository)


def _require_small(session: Session, repository: RepositoryRef) -> None:
    if is_large(session, repository.id):
        raise PreconditionError("a large repository of the project is still being deleted: try again later")
