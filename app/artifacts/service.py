"""Use cases of the management API for repositories and artifacts: list, get and delete, after a check of rights."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import label_rows, listing
from app.artifacts.artifact_pages import Scope as ArtifactScope
from app.artifacts.artifact_pages import artifact_page, newest_page
from app.artifacts.deletion import delete_artifact, delete_repository
from app.artifacts.deletion_jobs import hide_and_sweep
from app.artifacts.label_rows import REPOSITORIES
from app.artifacts.large_repositories import is_large
from app.artifacts.listing import Parts
from app.artifacts.models import Artifact, Repository, Tag
from app.artifacts.repositories import lock_published
from app.artifacts.repository_pages import Scope, repository_page
from app.artifacts.shares import WHOLE, Shares
from app.artifacts.views import ArtifactView, RepositoryView
from app.context import Context
from app.core.errors import FieldInvalid, ManifestUnknown, RepositoryUnknown
from app.core.paging import PAGE_SIZE_LIMIT, Listed
from app.core.query import ListQuery
from app.core.reference import is_digest
from app.db.database import retried
from app.db.id_lists import among
from app.db.pages import Ids
from app.db.plans import run
from app.events.content import RepositoryUpdated
from app.events.refusals import DeleteDenied
from app.projects.permitted import everywhere, permitted_projects
from app.projects.rights import require_in_project

_LONGEST_DESCRIPTION: Final = 32 * 1024
_LIST: Final = ("artifact", "list")
_LIST_REPOSITORIES: Final = ("repository", "list")


class RepositoryService:
    """The use cases of repositories, which are named by their project and the rest of their name.

    All but ``list_all`` raise what ``rights.require_in_project`` raises.
    """

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def list_all(self, query: ListQuery, *, with_labels: bool = False) -> Listed[RepositoryView]:
        """Return a page of the repositories of all projects in which the caller may list them."""
        caller = self._ctx.principal
        whole = everywhere(caller, *_LIST_REPOSITORIES)
        scope = Scope.everything() if whole else Scope.seen(permitted_projects(caller, *_LIST_REPOSITORIES))
        return self._list(query, scope, with_labels=with_labels)

    def list_in(self, project: str, query: ListQuery, *, with_labels: bool = False) -> Listed[RepositoryView]:
        """Return a page of the repositories of a project."""
        allowed_project = require_in_project(self._ctx, project, "repository", "list")
        return self._list(query, Scope.project(allowed_project.id), with_labels=with_labels)

    def find(self, project: str, name: str, *, with_labels: bool = False) -> RepositoryView:
        """Return a published repository; raise RepositoryUnknown otherwise."""
        require_in_project(self._ctx, project, "repository", "read")
        with self._ctx.read() as session:
            rows = session.execute(_REPOSITORIES.where(Repository.name == f"{project}/{name}")).all()
            if not rows:
                raise RepositoryUnknown(f"repository {project}/{name} not found")
            return _repository_views(session, rows, WHOLE if with_labels else None)[0]

    @retried()
    def describe(self, project: str, name: str, description: str) -> None:
        """Replace the repository's description; raise FieldInvalid for more than 32 KiB, RepositoryUnknown."""
        require_in_project(self._ctx, project, "repository", "update")
        if len(description.encode()) > _LONGEST_DESCRIPTION:
            raise FieldInvalid("description", f"at most {_LONGEST_DESCRIPTION} bytes long")
        full_name = f"{project}/{name}"
        changed = {"at_name": full_name, "text": description, "now": self._ctx.ports.clock.now()}
        with self._ctx.write() as session:
            row = session.connection().execute(_DESCRIBE, changed).one_or_none()
            if row is None:
                raise RepositoryUnknown(f"repository {full_name} not found")
            self._ctx.emit(RepositoryUpdated(project_id=row.project_id, repository=full_name))

    @retried()
    def delete(self, project: str, name: str) -> None:
        """Delete the repository with its content; raise RepositoryUnknown, ReadOnly or UnavailableError.

        A large one is gone from sight at once, and a job deletes its content.
        """
        with self._ctx.refusing(DeleteDenied(repository=f"{project}/{name}")):
            require_in_project(self._ctx, project, "repository", "delete")
        with self._ctx.write_content() as session:
            place = lock_published(session, f"{project}/{name}", to_delete=True)
            (hide_and_sweep if is_large(session, place.id) else delete_repository)(self._ctx, place)

    def _list(self, query: ListQuery, scope: Scope, *, with_labels: bool) -> Listed[RepositoryView]:
        page = query.page.at_most(PAGE_SIZE_LIMIT) if with_labels else query.page
        with self._ctx.read() as session:
            found = repository_page(session, scope, replace(query, page=page))
            rows = {row.id: row for row in run(session, _BY_IDS, {"ids": found.ids})} if found.ids else {}
            in_order = [rows[repository_id] for repository_id in found.ids if repository_id in rows]
            items = _repository_views(session, in_order, Shares.of_page(page.size) if with_labels else None)
        return Listed(items=items, total=found.total, page=page)


class ArtifactService:
    """The use cases of artifacts; a reference is a tag or a digest. All raise as ``rights.require_in_project`` does."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def list_in(self, project: str, repository: str, query: ListQuery, parts: Parts) -> Listed[ArtifactView]:
        """Return a page of a repository's artifacts, newest first; an empty page when the repository does not exist."""
        require_in_project(self._ctx, project, "artifact", "list")
        with self._ctx.read() as session:
            for row in run(session, _PUBLISHED, {"name": f"{project}/{repository}"}):
                page = artifact_page(session, ArtifactScope.repository(row.id, row.artifact_count), query)
                return self._shown(session, page, query, parts)
        return Listed(items=(), total=0, page=query.page)

    def list_in_project(
        self, project: str | int, query: ListQuery, parts: Parts, *, newest: bool = False
    ) -> Listed[ArtifactView]:
        """Return a page of a project's artifacts, newest first; with ``newest`` only the newest of each repository.

        With ``newest`` raise InvalidError unless the query names one media type or artifact type.
        """
        place = require_in_project(self._ctx, project, "artifact", "list")
        scope, read_page = ArtifactScope.project(place.id), newest_page if newest else artifact_page
        with self._ctx.read() as session:
            return self._shown(session, read_page(session, scope, query), query, parts)

    def list_all(self, query: ListQuery, parts: Parts) -> Listed[ArtifactView]:
        """Return a page of the artifacts of all projects in which the caller may list them, newest first."""
        caller = self._ctx.principal
        whole = everywhere(caller, *_LIST)
        scope = ArtifactScope.everything() if whole else ArtifactScope.projects(permitted_projects(caller, *_LIST))
        with self._ctx.read() as session:
            return self._shown(session, artifact_page(session, scope, query), query, parts)

    def find(self, project: str, repository: str, reference: str, parts: Parts) -> ArtifactView:
        """Return an artifact; raise RepositoryUnknown or ManifestUnknown."""
        require_in_project(self._ctx, project, "artifact", "read")
        with self._ctx.read() as session:
            artifact_id = find_artifact(session, f"{project}/{repository}", reference)
            views = listing.artifact_views(session, [artifact_id], parts, WHOLE, self._ctx.ports.slots)
        if not views:
            raise _unknown(f"{project}/{repository}", reference)
        return views[0]

    @retried()
    def delete(self, project: str, repository: str, reference: str) -> None:
        """Delete an artifact with its accessories and all their tags.

        Raises: RepositoryUnknown; ManifestUnknown; StillReferenced while an index lists it; ReadOnly; UnavailableError.
        """
        with self._ctx.refusing(DeleteDenied(repository=f"{project}/{repository}", reference=reference)):
            require_in_project(self._ctx, project, "artifact", "delete")
        with self._ctx.write_content() as session:
            place = lock_published(session, f"{project}/{repository}")
            delete_artifact(self._ctx, find_artifact(session, place.name, reference))

    def _shown(self, session: Session, found: Ids, query: ListQuery, parts: Parts) -> Listed[ArtifactView]:
        page = query.page.at_most(PAGE_SIZE_LIMIT)
        views = listing.artifact_views(session, found.ids, parts, Shares.of_page(page.size), self._ctx.ports.slots)
        return Listed(items=views, total=found.total, page=page)


def _repository_views(
    session: Session, rows: Sequence[sa.Row[*tuple[Any, ...]]], shares: Shares | None
) -> list[RepositoryView]:
    """Return the views of the rows, with labels up to their ``shares``, unless these are None."""
    if shares is None:
        return [RepositoryView(**row._asdict()) for row in rows]
    labels = label_rows.labels_of(session, REPOSITORIES, [row.id for row in rows], shares)
    return [RepositoryView(**row._asdict(), labels=labels.get(row.id, ())) for row in rows]


def find_artifact(session: Session, repository: str, reference: str) -> int:
    """Return the id of the artifact of a tag or digest; raise RepositoryUnknown or ManifestUnknown."""
    repository_id = _repository_id_or_none(session, repository)
    if repository_id is None:
        raise RepositoryUnknown(f"repository {repository} not found")
    statement = _BY_DIGEST if is_digest(reference) else _BY_TAG
    parameters = {"repository": repository_id, "reference": reference}
    artifact_id = session.execute(statement, parameters).scalar_one_or_none()
    if artifact_id is None:
        raise _unknown(repository, reference)
    return artifact_id


def _unknown(repository: str, reference: str) -> ManifestUnknown:
    return ManifestUnknown(f"artifact {repository}{'@' if is_digest(reference) else ':'}{reference[:160]} not found")


def _repository_id_or_none(session: Session, name: str) -> int | None:
    return session.execute(_PUBLISHED, {"name": name}).scalar_one_or_none()


_REPOSITORIES = sa.select(
    Repository.id,
    Repository.project_id,
    Repository.name,
    Repository.description,
    Repository.artifact_count,
    Repository.pull_count,
    Repository.creation_time,
    Repository.update_time,
).where(Repository.published)
_DESCRIBE = (
    sa.update(cast("sa.Table", Repository.__table__))
    .where(Repository.name == sa.bindparam("at_name"), Repository.published)
    .values(description=sa.bindparam("text"), update_time=sa.bindparam("now", type_=Repository.update_time.type))
    .returning(Repository.project_id)
)
_BY_IDS = _REPOSITORIES.where(among(Repository.id))
_PUBLISHED = sa.select(Repository.id, Repository.artifact_count).where(
    Repository.name == sa.bindparam("name"), Repository.published
)
_BY_DIGEST = sa.select(Artifact.id).where(
    Artifact.repository_id == sa.bindparam("repository"), Artifact.digest == sa.bindparam("reference")
)
_BY_TAG = sa.select(Tag.artifact_id).where(
    Tag.repository_id == sa.bindparam("repository"), Tag.name == sa.bindparam("reference")
)
