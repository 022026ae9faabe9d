"""Pages of artifacts: of a repository, of a project, and of all projects in which the caller may list them."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.conditions import COLUMNS, Part, artifact_conditions
from app.artifacts.models import Artifact, Repository, Standing, Tag
from app.core.errors import InvalidError
from app.core.paging import PAGE_SIZE_LIMIT, OffsetPage
from app.core.query import Exact, ListQuery
from app.db.listing import windowed
from app.db.pages import Ids, Rows, backwards, page_of_ids, sorted_by, unindexed
from app.db.plans import run
from app.projects.models import Project

_EVERYTHING: Final = Exact(value="*")
_NEWEST: Final = (Artifact.push_time.desc(), Artifact.id.desc())
_KINDS: Final = ("media_type", "artifact_type")
_LISTED: Final = Artifact.standing == Standing.LISTED
_SHOWN: Final = Artifact.standing != Standing.ACCESSORY
"""As with ``base=*``: children of indexes, too."""
_Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where artifacts are listed."""

    part: Part
    along: _Condition
    """The condition of ``part`` in a form for which the database goes along the index of the order."""
    repositories: _Condition
    """The condition on Repository."""
    scattered: bool = False
    """Whether no index of the default order begins with the scope."""
    total: int | None = None
    """The number of listed artifacts, if it is known."""
    repository_id: int | None = None
    """The only repository, if there is one."""

    @classmethod
    def repository(cls, repository_id: int, total: int) -> "Scope":
        """Return the scope of one repository, which lists ``total`` artifacts."""
        own = Artifact.repository_id == repository_id
        return cls(
            part=Part(artifacts=own, tags=Tag.repository_id == repository_id),
            along=own,
            repositories=Repository.id == repository_id,
            total=total,
            repository_id=repository_id,
        )

    @classmethod
    def project(cls, project_id: int) -> "Scope":
        """Return the scope of one project."""
        own, repositories = Artifact.project_id == project_id, Repository.project_id == project_id
        tags = Tag.repository_id.in_(sa.select(Repository.id).where(repositories))
        return cls(part=Part(artifacts=own, tags=tags), along=own, repositories=repositories)

    @classmethod
    def projects(cls, permitted: _Condition) -> "Scope":
        """Return the scope of all projects that meet the condition on Project."""
        ids = sa.select(Project.id).where(permitted)
        return cls(
            part=Part(artifacts=Artifact.project_id.in_(ids), tags=sa.true()),
            along=unindexed(Artifact.project_id).in_(ids),
            repositories=Repository.project_id.in_(ids),
            scattered=True,
        )

    @classmethod
    def everything(cls) -> "Scope":
        """Return the scope of the whole registry."""
        whole = sa.true()
        return cls(part=Part(artifacts=whole, tags=whole), along=whole, repositories=whole)


def artifact_page(session: Session, scope: Scope, query: ListQuery) -> Ids:
    """Return a page of the ids of artifacts, as Harbor without accessories and untagged children of indexes.

    The filter ``base=*`` includes the children. The newest are first unless the query has another order.
    """
    if scope.repository_id is not None and not query.terms and not query.sort:
        return _newest_of(session, scope.repository_id, scope.total or 0, query.page.at_most(PAGE_SIZE_LIMIT))
    filters = artifact_conditions(query, scope.part)
    with_children = _EVERYTHING in query.values("base")
    standing = _SHOWN if with_children else _LISTED
    ids = sa.select(Artifact.id)
    rows = Rows(
        matching=ids.where(scope.part.artifacts, standing, *filters),
        along=ids.where(scope.along, standing, *filters),
        ordered=sorted_by(query.sort, COLUMNS, _NEWEST, Artifact.id),
        filtered=bool(filters),
        scattered=scope.scattered,
    )
    page, total = query.page.at_most(PAGE_SIZE_LIMIT), scope.total
    known = total is not None and not filters and not with_children
    return page_of_ids(session, rows, page, (lambda: total or 0) if known else None)


def newest_page(session: Session, scope: Scope, query: ListQuery) -> Ids:
    """Return a page of the ids of the newest artifact of each repository that meets the query.

    Raises InvalidError unless the query says which media type, or which artifact type, these have.
    """
    kinds = [condition for kind in _KINDS for condition in query.values(kind)]
    if len(kinds) != 1 or not isinstance(kinds[0], Exact):
        raise InvalidError("latest_in_repository needs a query with exactly one of media_type and artifact_type")
    filters = artifact_conditions(query, scope.part)
    newest = (
        sa.select(Artifact.id)
        .where(Artifact.repository_id == Repository.id, _LISTED, *filters)
        .order_by(*_NEWEST)
        .limit(1)
        .correlate(Repository)
        .scalar_subquery()
    )
    picked = sa.select(newest.label("id")).where(scope.repositories).subquery("picked")
    ids = sa.select(Artifact.id).join(picked, picked.c.id == Artifact.id)
    ordered = sorted_by(query.sort, COLUMNS, _NEWEST, Artifact.id)
    rows = Rows(matching=ids, along=ids, ordered=ordered, filtered=True)
    return page_of_ids(session, rows, query.page.at_most(PAGE_SIZE_LIMIT))


def _newest_of(session: Session, repository_id: int, total: int, page: OffsetPage) -> Ids:
    """Return the page that most requests are for, by a prepared plan, as ``page_of_ids`` does."""
    size = min(page.size, total - page.offset)
    if size <= 0:
        return Ids(ids=(), total=total)
    from_front = page.offset <= total // 2
    offset = page.offset if from_front else total - page.offset - size
    values = {"repository": repository_id, "limit": size, "offset": offset}
    ids = [row.id for row in run(session, _FROM_FRONT if from_front else _FROM_END, values)]
    return Ids(ids=ids if from_front else ids[::-1], total=total)


_OF_REPOSITORY: Final = windowed(
    sa.select(Artifact.id).where(Artifact.repository_id == sa.bindparam("repository", type_=sa.BigInteger), _LISTED)
)
_FROM_FRONT: Final = _OF_REPOSITORY.order_by(*_NEWEST)
_FROM_END: Final = _OF_REPOSITORY.order_by(*backwards(_NEWEST))
