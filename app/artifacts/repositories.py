"""Rows of repositories: created with their first content, and locked by every change of their content."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import Repository
from app.context import Context
from app.core.errors import ProjectUnknown, RepositoryUnknown, UnauthenticatedError
from app.core.reference import RepositoryName
from app.db.conflict import absent_inserts
from app.db.plans import run
from app.projects.models import Project
from app.projects.rights import project_or_none


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRef:
    """A repository; its row is locked when ``lock_repository_or_none`` or ``lock_published`` returned it."""

    id: int
    project_id: int
    name: str
    published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The repository that content is stored in, and its project."""

    project_id: int
    repository_id: int


def find_place(session: Session, name: RepositoryName, now: datetime) -> Place:
    """Return the repository of this name and its project; create the repository, unpublished, when it does not exist.

    Raise ProjectUnknown when the project does not exist.
    """
    for row in run(session, _PLACE, {"name": name}):
        return Place(project_id=row.project_id, repository_id=row.id)
    project = project_or_none(session, name.project)
    if project is None:
        raise ProjectUnknown(f"project {name.project} not found")
    repository_id = ensure_repository(session, project_id=project.id, name=name, now=now)
    return Place(project_id=project.id, repository_id=repository_id)


def ensure_repository(session: Session, *, project_id: int, name: str, now: datetime) -> int:
    """Return the id of the repository; create it, unpublished, when it does not exist.

    Another transaction may create the same repository at the same time.
    """
    connection = session.connection()
    row = {"project_id": project_id, "name": name, "creation_time": now, "update_time": now}
    new_id: int | None = connection.execute(_NEW[connection.dialect.name], row).scalar_one_or_none()
    return new_id if new_id is not None else int(connection.execute(_PLACE, {"name": name}).one().id)


def lock_repository_or_none(session: Session, name: str, *, to_delete: bool = False) -> RepositoryRef | None:
    """Lock the repository's row until the commit and return it; None when it does not exist.

    Changes of one repository's content wait for each other here. Blobs may still be added meanwhile, except when the
    row is locked ``to_delete``: then they wait, and do not find the repository afterwards.
    """
    for row in run(session, _LOCKED_WHOLE if to_delete else _LOCKED, {"name": name}):
        return RepositoryRef(id=row.id, project_id=row.project_id, name=name, published=row.published)
    return None


def lock_published(session: Session, name: str, *, to_delete: bool = False) -> RepositoryRef:
    """Lock the repository's row until the commit; raise RepositoryUnknown when it is not published."""
    repository = lock_repository_or_none(session, name, to_delete=to_delete)
    if repository is None or not repository.published:
        raise RepositoryUnknown(f"repository {name} not found", detail={"name": name})
    return repository


def find_published(ctx: Context, name: str, *, public_only: bool = False) -> int:
    """Return the id of a published repository, with one query; raise RepositoryUnknown otherwise.

    With ``public_only`` raise UnauthenticatedError for anything outside public projects, whether it exists or not.
    """
    rows = ctx.prepared_rows(_VISIBLE, {"name": name, "project": name.partition("/")[0]})
    if public_only and not (rows and rows[0].public):
        raise UnauthenticatedError
    if not rows or not rows[0].published:
        raise RepositoryUnknown(f"repository {name} not found", detail={"name": name})
    return int(rows[0].id)


def require_public(ctx: Context, name: str) -> None:
    """Raise UnauthenticatedError unless the repository's project is public; the repository need not exist."""
    rows = ctx.prepared_rows(_VISIBLE, {"name": name, "project": name.partition("/")[0]})
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
