"""Repositories: made by their first content, locked by every change of what is in them."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import Repository
from app.core.errors import ProjectUnknown, RepositoryUnknown, UnauthenticatedError
from app.core.reference import RepositoryName
from app.db.conflict import absent_inserts
from app.db.database import Database
from app.db.plans import run
from app.projects.models import Project
from app.projects.rights import project_or_none


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRef:
    """A repository whose row this transaction has locked."""

    id: int
    project_id: int
    name: str
    published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where content goes."""

    project_id: int
    repository_id: int


def find_place(session: Session, name: RepositoryName, now: datetime) -> Place:
    """Return the place of this name, one query; a repository that is absent is made unpublished. ProjectUnknown."""
    for row in run(session, _PLACE, {"name": name}):
        return Place(project_id=row.project_id, repository_id=row.id)
    project = project_or_none(session, name.project)
    if project is None:
        raise ProjectUnknown(f"project {name.project} not found")
    made = ensure_repository(session, project_id=project.id, name=name, now=now)
    return Place(project_id=project.id, repository_id=made)


def ensure_repository(session: Session, *, project_id: int, name: str, now: datetime) -> int:
    """Return the id of the repository, made unpublished when it is absent; safe against another maker of the same."""
    connection = session.connection()
    new = {"project_id": project_id, "name": name, "creation_time": now, "update_time": now}
    made: int | None = connection.execute(_NEW[connection.dialect.name], new).scalar_one_or_none()
    return made if made is not None else int(connection.execute(_PLACE, {"name": name}).one().id)


def lock_repository(session: Session, name: str, *, to_delete: bool = False) -> RepositoryRef | None:
    """Lock the repository's row until commit and return it; changes inside one repository queue here.

    Blobs may enter meanwhile, unless it is locked ``to_delete``: then they wait, and find it gone.
    """
    for row in run(session, _LOCKED_WHOLE if to_delete else _LOCKED, {"name": name}):
        return RepositoryRef(id=row.id, project_id=row.project_id, name=name, published=row.published)
    return None


def lock_published(session: Session, name: str, *, to_delete: bool = False) -> RepositoryRef:
    """As ``lock_repository``; RepositoryUnknown for a repository that people do not see."""
    repository = lock_repository(session, name, to_delete=to_delete)
    if repository is None or not repository.published:
        raise RepositoryUnknown(f"repository {name} not found", detail={"name": name})
    return repository


def find_published(db: Database, name: str, *, public_only: bool = False) -> int:
    """Return the id of a repository that people see, one query; RepositoryUnknown.

    With ``public_only`` UnauthenticatedError for anything outside public projects, whether it exists or not.
    """
    rows = db.rows(_VISIBLE, {"name": name, "project": name.partition("/")[0]})
    if public_only and not (rows and rows[0].public):
        raise UnauthenticatedError
    if not rows or not rows[0].published:
        raise RepositoryUnknown(f"repository {name} not found", detail={"name": name})
    return int(rows[0].id)


def require_public(db: Database, name: str) -> None:
    """UnauthenticatedError unless the repository's project is public; the repository need not exist."""
    rows = db.rows(_VISIBLE, {"name": name, "project": name.partition("/")[0]})
    if not (rows and rows[0].public):
        raise UnauthenticatedError


_VISIBLE = (
    sa.select(Repository.id, Repository.published, Project.public)
    .select_from(Project)
    .outerjoin(Repository, sa.and_(Repository.project_id == Project.id, Repository.name == sa.bindparam("name")))
    .where(Project.name == sa.bindparam("project"))
)
_NEW = absent_inserts(Repository, "project_id", "name", "creation_time", "update_time")
_PLACE = sa.select(Repository.project_id, Repository.id).where(Repository.name == sa.bindparam("name"))
_OWN_ROW = sa.select(Repository.id, Repository.project_id, Repository.published).where(
    Repository.name == sa.bindparam("name")
)
_LOCKED = _OWN_ROW.with_for_update(key_share=True)
_LOCKED_WHOLE = _OWN_ROW.with_for_update()
