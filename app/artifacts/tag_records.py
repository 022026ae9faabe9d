"""Use cases of the history of tags: show it, and restore a tag to what it pointed at before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.deletion import note_change
from app.artifacts.models import Artifact, Repository, Tag, TagRecord
from app.artifacts.repositories import lock_published
from app.artifacts.standing import settle
from app.artifacts.tag_history import KEPT, TagAction, mark_restored
from app.artifacts.tags import TaggedArtifact, point_tags
from app.context import Context
from app.core.errors import ManifestUnknown, NotFoundError, PreconditionError, RepositoryUnknown
from app.core.paging import Listed
from app.core.query import ListQuery
from app.db.database import retried
from app.db.listing import counted, paged
from app.events.content import TagRestored
from app.events.refusals import PushDenied
from app.projects.rights import require_in_project

_SHOWN: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRecordView:
    """A change of a tag, with the change that ended it."""

    id: int
    digest: str
    """What the tag points at from then on; what it pointed at when it was deleted."""
    action: str
    operator: str
    """Empty for what happened before there was a history."""
    time: datetime
    ended: str | None
    """How it ended: moved or deleted; None for the newest change, and for a deletion."""
    end_time: datetime | None
    ended_by: str | None
    available: bool
    """Whether the repository still has the artifact, so that the tag can be restored."""


class TagHistoryService:
    """The history of one tag of a repository, at most its newest KEPT changes."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def list_of(self, project: str, repository: str, tag: str, query: ListQuery) -> Listed[TagRecordView]:
        """Return a page of the tag's changes, newest first; it names people, so the caller must be a member.

        Raise RepositoryUnknown; ManifestUnknown for a tag without history; as ``rights.require_in_project`` does.
        """
        require_in_project(self._ctx, project, "repository", "read")
        name = f"{project}/{repository}"
        with self._ctx.read() as session:
            own = {"repository": _repository_id(session, name), "name": tag}
            total = counted(session, _NEWEST.params(own))
            if not total:
                raise ManifestUnknown(f"tag {tag[:_SHOWN]} of {name} has no history")
            rows = session.execute(paged(_PAGE, query.page), own)
            items = [TagRecordView(**row._asdict()) for row in rows]
        return Listed(items=items, total=total, page=query.page)

    @retried()
    def restore(self, project: str, repository: str, tag: str, record_id: int) -> None:
        """Point the tag at what it pointed at in this change, as tagging would; create it when it was deleted.

        Raise NotFoundError for an unknown change; PreconditionError when the artifact is gone; RepositoryUnknown;
        ReadOnly or UnavailableError; what an admission check raises; as ``rights.require_in_project`` does.
        """
        name = f"{project}/{repository}"
        with self._ctx.refusing(PushDenied(repository=name, reference=tag[:_SHOWN])):
            require_in_project(self._ctx, project, "tag", "create")
        with self._ctx.write_content() as session:
            place = lock_published(session, name)
            own = {"repository": place.id, "name": tag, "id": record_id}
            record = session.execute(_RECORD, own).one_or_none()
            if record is None:
                raise NotFoundError(f"change {record_id} of tag {tag[:_SHOWN]} of {name} not found")
            if record.artifact_id is None:
                raise PreconditionError(
                    f"{record.digest} is gone: it was deleted or collected since, and must be pushed again",
                    detail={"digest": record.digest},
                )
            moved = session.execute(_TAG, own).scalar_one_or_none()
            tagged = TaggedArtifact(id=record.artifact_id, digest=record.digest)
            touched = point_tags(self._ctx, place, tagged, [tag], pushed=False)
            if not touched:
                return
            mark_restored(session, place.id, tag)
            note_change(session, place, settle(session, touched), self._ctx.ports.clock.now())
            if moved is not None:
                self._ctx.emit(TagRestored(project_id=place.project_id, repository=name, digest=record.digest, tag=tag))


def _repository_id(session: Session, name: str) -> int:
    repository_id = session.execute(_PUBLISHED, {"name": name}).scalar_one_or_none()
    if repository_id is None:
        raise RepositoryUnknown(f"repository {name} not found")
    return repository_id


_PUBLISHED: Final = sa.select(Repository.id).where(Repository.name == sa.bindparam("name"), Repository.published)
_OWN: Final = (TagRecord.repository_id == sa.bindparam("repository"), TagRecord.name == sa.bindparam("name"))
_NEWEST: Final = sa.select(TagRecord.id).where(*_OWN).order_by(TagRecord.id.desc()).limit(KEPT)
_ROWS: Final = sa.select(TagRecord).where(*_OWN).order_by(TagRecord.id.desc()).limit(KEPT).subquery("changes")
_NEXT: Final = sa.select(
    _ROWS,
    *(
        sa.func.lead(_ROWS.c[column], type_=_ROWS.c[column].type).over(order_by=_ROWS.c.id).label(f"next_{column}")
        for column in ("action", "time", "operator")
    ),
).subquery("changes_with_ends")
_ENDS: Final = _NEXT.c.action != TagAction.DELETED
_PAGE: Final = (
    sa.select(
        _NEXT.c.id,
        _NEXT.c.digest,
        _NEXT.c.action,
        _NEXT.c.operator,
        _NEXT.c.time,
        sa.case(
            (sa.and_(_ENDS, _NEXT.c.next_action == TagAction.DELETED), "deleted"),
            (sa.and_(_ENDS, _NEXT.c.next_action.is_not(None)), "moved"),
            else_=None,
        ).label("ended"),
        sa.case((_ENDS, _NEXT.c.next_time), else_=None).label("end_time"),
        sa.case((_ENDS, _NEXT.c.next_operator), else_=None).label("ended_by"),
        Artifact.id.is_not(None).label("available"),
    )
    .outerjoin(Artifact, sa.and_(Artifact.repository_id == _NEXT.c.repository_id, Artifact.digest == _NEXT.c.digest))
    .order_by(_NEXT.c.id.desc())
)
_RECORD: Final = (
    sa.select(TagRecord.digest, Artifact.id.label("artifact_id"))
    .outerjoin(
        Artifact, sa.and_(Artifact.repository_id == TagRecord.repository_id, Artifact.digest == TagRecord.digest)
    )
    .where(*_OWN, TagRecord.id == sa.bindparam("id"))
)
_TAG: Final = sa.select(Tag.artifact_id).where(
    Tag.repository_id == sa.bindparam("repository"), Tag.name == sa.bindparam("name")
)
