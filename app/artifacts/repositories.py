"""Repositories: made by their first content, locked by every change of what is in them."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import Repository
from app.db.conflict import insert_absent


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRef:
    """A repository whose row this transaction has locked."""

    id: int
    project_id: int
    name: str
    published: bool


def ensure_repository(session: Session, *, project_id: int, name: str, now: datetime) -> int:
    """Return the id of the repository, made unpublished when it is absent; safe against another maker of the same."""
    known = session.execute(_ID, {"name": name}).scalar_one_or_none()
    if known is not None:
        return known
    statement = insert_absent(session, Repository).values(
        project_id=project_id, name=name, creation_time=now, update_time=now
    )
    made = session.execute(statement.returning(Repository.id)).scalar_one_or_none()
    return made if made is not None else session.execute(_ID, {"name": name}).scalar_one()


def lock_repository(session: Session, name: str) -> RepositoryRef | None:
    """Lock the repository's row until commit and return it; changes of tags and artifacts of one repository queue here."""
    row = session.execute(_LOCKED, {"name": name}).one_or_none()
    return row and RepositoryRef(id=row.id, project_id=row.project_id, name=name, published=row.published)


_ID = sa.select(Repository.id).where(Repository.name == sa.bindparam("name"))
_LOCKED = (
    sa.select(Repository.id, Repository.project_id, Repository.published)
    .where(Repository.name == sa.bindparam("name"))
    .with_for_update(key_share=True)
)
