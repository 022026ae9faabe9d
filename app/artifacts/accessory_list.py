"""The accessories of an artifact as the management API lists them."""

from typing import Final

import sqlalchemy as sa

from app.artifacts.accessory_rows import shown
from app.artifacts.models import Accessory, Artifact, Repository, Standing
from app.artifacts.service import find_artifact
from app.artifacts.views import AccessoryView
from app.context import Context
from app.core.paging import Listed
from app.core.query import ListQuery
from app.db.id_lists import among
from app.db.listing import Columns, conditions
from app.db.pages import Rows, page_of_ids, sorted_by
from app.projects.rights import require_in_project

_COLUMNS: Final[Columns] = {
    "id": Accessory.id,
    "artifact_id": Accessory.artifact_id,
    "subject_artifact_digest": Accessory.subject_digest,
    "type": Accessory.kind,
    "digest": Artifact.digest,
    "size": Artifact.size,
    "creation_time": Accessory.creation_time,
}


class AccessoryListService:
    """The accessories of artifacts; a reference is a tag or a digest."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def list(self, project: str, repository: str, reference: str, query: ListQuery) -> Listed[AccessoryView]:
        """Return a page of the artifact's accessories, oldest first.

        Raises RepositoryUnknown, ManifestUnknown, and as ``rights.require_in_project``.
        """
        require_in_project(self._ctx, project, "accessory", "list")
        with self._ctx.read() as session:
            subject = session.get_one(Artifact, find_artifact(session, f"{project}/{repository}", reference))
            ids = _IDS_OF_SUBJECT.where(
                Accessory.repository_id == subject.repository_id,
                Accessory.subject_digest == subject.digest,
                *conditions(query, _COLUMNS),
            )
            ordered = sorted_by(query.sort, _COLUMNS, (Accessory.id,), Accessory.id)
            page = page_of_ids(session, Rows(matching=ids, along=ids, ordered=ordered, filtered=True), query.page)
            rows = session.execute(_BY_IDS, {"ids": list(page.ids), "subject": subject.id}).all() if page.ids else ()
        views = {row.id: AccessoryView(**row._asdict()) for row in rows}
        items = [views[accessory_id] for accessory_id in page.ids if accessory_id in views]
        return Listed(items=items, total=page.total, page=query.page)


_IDS_OF_SUBJECT = (
    sa.select(Accessory.id)
    .join(Artifact, Artifact.id == Accessory.artifact_id)
    .where(Artifact.standing == Standing.ACCESSORY)
)
_BY_IDS = (
    sa.select(*shown(sa.bindparam("subject", type_=sa.BigInteger)))
    .join(Artifact, Artifact.id == Accessory.artifact_id)
    .join(Repository, Repository.id == Accessory.repository_id)
    .where(among(Accessory.id))
)
