"""The management API's use cases of an artifact's tags: list, create, delete, after a check of rights."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.deletion import delete_tags, note_change
from app.artifacts.immutable_tags import marked
from app.artifacts.models import Artifact, Tag
from app.artifacts.repositories import lock_published
from app.artifacts.service import find_artifact
from app.artifacts.standing import settle
from app.artifacts.tags import TaggedArtifact, point_tags
from app.artifacts.views import TagView
from app.context import Context
from app.core.errors import ConflictError, ManifestUnknown
from app.core.paging import PAGE_SIZE_LIMIT, Listed
from app.core.query import ListQuery
from app.core.reference import parse_tag
from app.db.database import retried
from app.db.listing import Columns, conditions, counted, order, paged
from app.events.refusals import DeleteDenied, PushDenied
from app.projects.rights import require_in_project

_COLUMNS: Final[Columns] = {
    "id": Tag.id,
    "repository_id": Tag.repository_id,
    "artifact_id": Tag.artifact_id,
    "name": Tag.name,
    "push_time": Tag.push_time,
    "pull_time": Tag.pull_time,
}
_NEWEST: Final = (Tag.push_time.desc(), Tag.id.desc())
_LONGEST: Final = 128


class ArtifactTagService:
    """The use cases of an artifact's tags; the reference to the artifact is a tag or a digest.

    All raise as ``rights.require_in_project`` does, RepositoryUnknown and ManifestUnknown.
    """

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def list(
        self, project: str, repository: str, reference: str, query: ListQuery, *, with_immutable: bool
    ) -> Listed[TagView]:
        """Return a page of the artifact's tags, newest first; ``with_immutable`` marks those that a rule protects."""
        require_in_project(self._ctx, project, "tag", "list")
        page = query.page.at_most(PAGE_SIZE_LIMIT) if with_immutable else query.page
        with self._ctx.read() as session:
            artifact_id = find_artifact(session, f"{project}/{repository}", reference)
            where = [Tag.artifact_id == artifact_id, *conditions(query, _COLUMNS)]
            total = counted(session, sa.select(Tag.id).where(*where))
            ordered = order(query.sort, _COLUMNS, _NEWEST, Tag.id)
            rows = session.execute(paged(_TAGS.where(*where).order_by(*ordered), page))
            tags = [TagView(**row._asdict()) for row in rows]
            return Listed(items=marked(session, tags) if with_immutable else tags, total=total, page=page)

    @retried()
    def create(self, project: str, repository: str, reference: str, name: str) -> None:
        """Create a tag of the artifact, as a push of it would; it makes the artifact nobody's accessory.

        Raises TagInvalid; ConflictError when the repository has the tag, whatever it points at; ReadOnly;
        UnavailableError; what an admission check raises.
        """
        with self._ctx.refusing(PushDenied(repository=f"{project}/{repository}", reference=name[:_LONGEST])):
            require_in_project(self._ctx, project, "tag", "create")
        tag = parse_tag(name)
        with self._ctx.write_content() as session:
            place = lock_published(session, f"{project}/{repository}")
            artifact_id = find_artifact(session, place.name, reference)
            if _exists(session, place.id, tag):
                raise ConflictError(f"tag {tag} already exists in {place.name}", detail={"tag": tag})
            digest = str(session.execute(_DIGEST, {"artifact": artifact_id}).scalar_one())
            tagged = TaggedArtifact(id=artifact_id, digest=digest)
            touched = point_tags(self._ctx, place, tagged, [tag], pushed=False)
            note_change(session, place, settle(session, touched), self._ctx.ports.clock.now())

    @retried()
    def delete(self, project: str, repository: str, reference: str, name: str) -> None:
        """Delete a tag of the artifact, not the artifact.

        Raises ManifestUnknown also for a tag of another artifact; TagImmutable; ReadOnly; UnavailableError.
        """
        with self._ctx.refusing(DeleteDenied(repository=f"{project}/{repository}", reference=name)):
            require_in_project(self._ctx, project, "tag", "delete")
        with self._ctx.write_content() as session:
            place = lock_published(session, f"{project}/{repository}")
            artifact_id = find_artifact(session, place.name, reference)
            row = session.execute(_OWN, {"artifact": artifact_id, "name": name}).one_or_none()
            if row is None:
                raise ManifestUnknown(f"tag {name[:160]} of artifact {reference[:160]} not found in {place.name}")
            delete_tags(self._ctx, place, [(row.id, row.name, row.digest)])


def _exists(session: Session, repository_id: int, name: str) -> bool:
    return bool(session.execute(_NAMED, {"repository": repository_id, "name": name}).all())


_TAGS: Final = sa.select(Tag.id, Tag.repository_id, Tag.artifact_id, Tag.name, Tag.push_time, Tag.pull_time)
_DIGEST: Final = sa.select(Artifact.digest).where(Artifact.id == sa.bindparam("artifact"))
_NAMED: Final = sa.select(Tag.id).where(
    Tag.repository_id == sa.bindparam("repository"), Tag.name == sa.bindparam("name")
)
_OWN: Final = (
    sa.select(Tag.id, Tag.name, Artifact.digest)
    .join(Artifact, Artifact.id == Tag.artifact_id)
    .where(Artifact.id == sa.bindparam("artifact"), Tag.name == sa.bindparam("name"))
)
