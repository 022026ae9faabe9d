"""Pages of repositories: of a project, and of all projects that the caller sees."""

from dataclasses import dataclass
from functools import partial
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.label_rows import REPOSITORIES, label_conditions
from app.artifacts.models import Repository
from app.core.query import ListQuery
from app.db.listing import Columns, conditions
from app.db.pages import Ids, Rows, page_of_ids, sorted_by, unindexed
from app.projects.models import Project

_COLUMNS: Final[Columns] = {
    "id": Repository.id,
    "name": Repository.name,
    "project_id": Repository.project_id,
    "description": Repository.description,
    "artifact_count": Repository.artifact_count,
    "pull_count": Repository.pull_count,
    "creation_time": Repository.creation_time,
    "update_time": Repository.update_time,
}
_LOWER: Final = frozenset({"name"})
_NEWEST: Final = (Repository.creation_time.desc(), Repository.id.desc())
_Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where repositories are listed."""

    repositories: _Condition
    """The condition on Repository."""
    along: _Condition
    """The same in a form for which the database goes along the index of the order."""
    projects: _Condition
    """The condition on Project."""
    scattered: bool = False
    """Whether the indexes of the orders do not begin with the scope."""

    @classmethod
    def project(cls, project_id: int) -> "Scope":
        """Return the scope of one project."""
        own = Repository.project_id == project_id
        return cls(repositories=own, along=own, projects=Project.id == project_id)

    @classmethod
    def seen(cls, projects: _Condition) -> "Scope":
        """Return the scope of the projects that meet the condition."""
        ids = sa.select(Project.id).where(projects)
        among, along = Repository.project_id.in_(ids), unindexed(Repository.project_id).in_(ids)
        return cls(repositories=among, along=along, projects=projects, scattered=True)

    @classmethod
    def everything(cls) -> "Scope":
        """Return the scope of all projects."""
        return cls(repositories=sa.true(), along=sa.true(), projects=sa.true())


def repository_page(session: Session, scope: Scope, query: ListQuery) -> Ids:
    """Return a page of the ids of published repositories, the newest first unless the query has another order."""
    filters = [*conditions(query, _COLUMNS, _LOWER), *label_conditions(query, REPOSITORIES)]
    ids = sa.select(Repository.id).where(Repository.published)
    rows = Rows(
        matching=ids.where(scope.repositories, *filters),
        along=ids.where(scope.along, *filters),
        ordered=sorted_by(query.sort, _COLUMNS, _NEWEST, Repository.id),
        filtered=bool(filters),
        scattered=scope.scattered,
    )
    return page_of_ids(session, rows, query.page, None if filters else partial(_total, session, scope))


def _total(session: Session, scope: Scope) -> int:
    """Return the number of published repositories by the counters of their projects."""
    counters = sa.select(sa.func.coalesce(sa.func.sum(Project.repo_count), 0)).where(scope.projects)
    return int(session.execute(counters).scalar_one())
