"""Repositories as the management API sees them: list, look up, delete."""

from typing import Any

import sqlalchemy as sa

from app.artifacts.deletion import delete_repository
from app.artifacts.models import Repository
from app.artifacts.repositories import lock_repository
from app.artifacts.shown import RepositoryView
from app.context import Context
from app.core.errors import RepositoryUnknown
from app.core.paging import Listed
from app.core.query import ListQuery
from app.db.database import retried
from app.db.listing import Columns, conditions, counted, order, paged
from app.projects.listing import seen_projects
from app.projects.models import Project
from app.projects.rights import require

_COLUMNS: Columns = {
    "id": Repository.id,
    "repository_id": Repository.id,
    "name": Repository.name,
    "description": Repository.description,
    "project_id": Repository.project_id,
    "pull_count": Repository.pull_count,
    "artifact_count": Repository.artifact_count,
    "creation_time": Repository.creation_time,
    "update_time": Repository.update_time,
}
_NEWEST = (Repository.creation_time.desc(), Repository.id.desc())


class RepositoryService:
    """The use cases of repositories, in the name of the context's principal; names within their project."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def list(self, query: ListQuery) -> Listed[RepositoryView]:
        """The repositories of all projects that the caller may see."""
        mine = sa.select(Project.id).where(seen_projects(self._ctx.principal))
        return self._list(query, Repository.project_id.in_(mine))

    def list_of(self, project: str, query: ListQuery) -> Listed[RepositoryView]:
        """The repositories of one project; refused as ``rights.require`` says."""
        found = require(self._ctx, project, "repository", "list")
        return self._list(query, Repository.project_id == found.id)

    def find(self, project: str, name: str) -> RepositoryView:
        """The repository ``project/name``; RepositoryUnknown."""
        found = require(self._ctx, project, "repository", "read")
        with self._ctx.read() as session:
            row = session.execute(_ROWS.where(Repository.name == f"{found.name}/{name}")).one_or_none()
        if row is None:
            raise RepositoryUnknown(f"repository {project}/{name} not found")
        return _view(row)

    @retried()
    def delete(self, project: str, name: str) -> None:
        """Delete the repository with all that is in it; RepositoryUnknown."""
        found = require(self._ctx, project, "repository", "delete")
        with self._ctx.write_content() as session:
            repository = lock_repository(session, f"{found.name}/{name}")
            if repository is None or not repository.published:
                raise RepositoryUnknown(f"repository {project}/{name} not found")
            delete_repository(self._ctx, repository)

    def _list(self, query: ListQuery, place: sa.ColumnElement[bool]) -> Listed[RepositoryView]:
        wanted = [Repository.published, place, *conditions(query, _COLUMNS)]
        ordered = order(query.sort, _COLUMNS, _NEWEST, Repository.id)
        with self._ctx.read() as session:
            total = counted(session, sa.select(Repository.id).where(*wanted))
            rows = session.execute(paged(_ROWS.where(*wanted).order_by(*ordered), query.page)).all()
        return Listed(items=[_view(row) for row in rows], total=total, page=query.page)


def _view(row: Any) -> RepositoryView:  # noqa: ANN401 - a row of _ROWS
    return RepositoryView(**row._asdict())


_ROWS = sa.select(
    Repository.id,
    Repository.project_id,
    Repository.name,
    Repository.description,
    Repository.artifact_count,
    Repository.pull_count,
    Repository.creation_time,
    Repository.update_time,
).where(Repository.published)
