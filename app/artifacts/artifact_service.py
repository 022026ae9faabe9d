"""Artifacts as the management API sees them: list, look up, delete with what belongs to them."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import artifact_listing
from app.artifacts.deletion import delete_artifacts
from app.artifacts.deletions import listed_by
from app.artifacts.family import family_of
from app.artifacts.models import Artifact, Repository, Tag
from app.artifacts.repositories import lock_repository
from app.artifacts.shown import ArtifactView, Details
from app.context import Context
from app.core.errors import NotFoundError, StillReferenced
from app.core.paging import Listed
from app.core.query import ListQuery
from app.core.reference import is_digest
from app.db.database import retried
from app.db.listing import conditions, counted, order, paged
from app.projects.rights import require


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactPlace:
    """Where an artifact is: its project, its repository's name within that, and a tag or digest."""

    project: str
    repository: str
    reference: str


class ArtifactService:
    """The use cases of artifacts, in the name of the context's principal."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def list(self, project: str, repository: str, query: ListQuery, details: Details) -> Listed[ArtifactView]:
        """The artifacts of a repository; none when it does not exist, as clients ask before their first push."""
        found = require(self._ctx, project, "artifact", "list")
        name = f"{found.name}/{repository}"
        wanted = [*conditions(query, artifact_listing.COLUMNS), *artifact_listing.shown(query)]
        ordered = order(query.sort, artifact_listing.COLUMNS, artifact_listing.NEWEST, Artifact.id)
        with self._ctx.read() as session:
            repository_id = _published(session, name)
            if repository_id is None:
                return Listed(items=(), total=0, page=query.page)
            wanted.append(Artifact.repository_id == repository_id)
            total = counted(session, sa.select(Artifact.id).where(*wanted))
            rows = session.execute(paged(artifact_listing.ROWS.where(*wanted).order_by(*ordered), query.page)).all()
            views = artifact_listing.views_of(session, name, rows, details)
        return Listed(items=views, total=total, page=query.page)

    def find(self, place: ArtifactPlace, details: Details) -> ArtifactView:
        """The artifact of a tag or digest; NotFoundError."""
        found = require(self._ctx, place.project, "artifact", "read")
        name = f"{found.name}/{place.repository}"
        with self._ctx.read() as session:
            artifact_id = _referred(session, name, place.reference)
            rows = session.execute(artifact_listing.ROWS.where(Artifact.id == artifact_id)).all()
            if not rows:
                raise _unknown(place)
            return artifact_listing.views_of(session, name, rows, details)[0]

    @retried()
    def delete(self, place: ArtifactPlace) -> None:
        """Delete the artifact with its tags, its accessories, and entries of its index that nothing else needs.

        NotFoundError; StillReferenced while an index of the repository lists it.
        """
        found = require(self._ctx, place.project, "artifact", "delete")
        name = f"{found.name}/{place.repository}"
        with self._ctx.write_content() as session:
            repository = lock_repository(session, name)
            artifact_id = _referred(session, name, place.reference)
            if repository is None or artifact_id is None:
                raise _unknown(place)
            if parents := listed_by(session, [artifact_id]):
                raise StillReferenced(f"the artifact is listed by the index {parents[0]}", detail={"indexes": parents})
            delete_artifacts(self._ctx, repository, family_of(session, repository.id, artifact_id))


def _published(session: Session, name: str) -> int | None:
    statement = sa.select(Repository.id).where(Repository.name == name, Repository.published)
    return session.execute(statement).scalar_one_or_none()


def _referred(session: Session, name: str, reference: str) -> int | None:
    statement = sa.select(Artifact.id).join(Repository, Repository.id == Artifact.repository_id).where(Repository.name == name)
    if is_digest(reference):
        statement = statement.where(Artifact.digest == reference)
    else:
        statement = statement.join(Tag, Tag.artifact_id == Artifact.id).where(Tag.name == reference)
    return session.execute(statement).scalar_one_or_none()


def _unknown(place: ArtifactPlace) -> NotFoundError:
    separator = "@" if is_digest(place.reference) else ":"
    return NotFoundError(f"artifact {place.project}/{place.repository}{separator}{place.reference} not found")
