"""Tags of artifacts: creation and move by pushes, list in byte order, deletion."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.deletion import delete_tags
from app.artifacts.models import Artifact, Tag
from app.artifacts.repositories import RepositoryRef, find_published, lock_published
from app.artifacts.subjects import Tagging
from app.artifacts.tag_history import TagAction, note_tags
from app.context import Context
from app.core.errors import ManifestUnknown
from app.core.paging import KeysetPage
from app.db.conflict import full_insert
from app.db.database import retried
from app.db.plans import run
from app.events.content import TagCreated

MOST_NAMES: Final = 10_000
"""The largest number of tags on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedArtifact:
    """The artifact that tags will point at."""

    id: int
    digest: str


class TagService:
    """Lists and deletes tags; the registry edge has checked the caller's rights before."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def names(
        self, repository: str, *, last: str = "", limit: int = MOST_NAMES, public_only: bool = False
    ) -> KeysetPage[str]:
        """Return at most ``limit`` tags after ``last`` in byte order; raise RepositoryUnknown.

        With ``public_only`` raise UnauthenticatedError for anything outside public projects.
        """
        repository_id = find_published(self._ctx, repository, public_only=public_only)
        rows = self._ctx.prepared_rows(_NAMES, {"repository": repository_id, "last": last, "limit": limit + 1})
        return KeysetPage(items=[row[0] for row in rows[:limit]], more=len(rows) > limit)

    @retried()
    def delete(self, repository: str, tag: str) -> None:
        """Delete a tag, but not its manifest; raise RepositoryUnknown, or ManifestUnknown for an unknown tag."""
        with self._ctx.write_content() as session:
            place = lock_published(session, repository)
            row = session.connection().execute(_ONE, {"repository": place.id, "tag": tag}).one_or_none()
            if row is None:
                raise ManifestUnknown(f"tag {tag[:160]} unknown", detail={"tag": tag[:160]})
            delete_tags(self._ctx, place, [(row.id, row.name, row.digest)])


def point_tags(
    ctx: Context, repository: RepositoryRef, artifact: TaggedArtifact, names: Sequence[str], *, pushed: bool
) -> set[int]:
    """Create the tags, or move them to the artifact; return the ids of the artifacts that got or lost a tag.

    The caller must have locked the repository's row. ``pushed`` tells whether a push of the artifact sets the tags.
    """
    if not names:
        return set()
    with ctx.write() as session:
        now = ctx.ports.clock.now()
        known = {row.name: row for row in run(session, _POINTED, {"repository": repository.id, "names": list(names)})}
        moving = [row for row in known.values() if row.artifact_id != artifact.id]
        ctx.admit(_tagging(repository, artifact, names, [row.name for row in moving]))
        moved = {row.id: row.artifact_id for row in moving}
        if moved:
            session.connection().execute(_MOVE, {"ids": list(moved), "artifact": artifact.id, "now": now})
        new = [name for name in names if name not in known]
        _insert(session, [_row(repository.id, artifact.id, name, now) for name in new])
        changed = [row.name for row in known.values() if row.id in moved] + new
        action = TagAction.PUSHED if pushed else TagAction.TAGGED
        note_tags(ctx, repository.id, action, dict.fromkeys(changed, artifact.digest))
        for name in new:
            ctx.emit(
                TagCreated(
                    project_id=repository.project_id,
                    repository=repository.name,
                    digest=artifact.digest,
                    tag=name,
                    pushed=pushed,
                )
            )
        return {artifact.id, *moved.values()} if moved or new else set()


def _tagging(
    repository: RepositoryRef, artifact: TaggedArtifact, names: Sequence[str], moved: Sequence[str]
) -> Tagging:
    return Tagging(
        project_id=repository.project_id,
        repository=repository.name,
        digest=artifact.digest,
        tags=tuple(names),
        moved=tuple(moved),
    )


def _row(repository_id: int, artifact_id: int, name: str, now: datetime) -> dict[str, Any]:
    return {"repository_id": repository_id, "artifact_id": artifact_id, "name": name, "push_time": now}


def _insert(session: Session, rows: list[dict[str, Any]]) -> None:
    if len(rows) == 1:
        run(session, _NEW_ONE, rows[0])
    elif rows:
        session.connection().execute(_NEW, rows)


_NEW = sa.insert(Tag)
_NEW_ONE = full_insert(Tag, "repository_id", "artifact_id", "name", "push_time")
_ONE = (
    sa.select(Tag.id, Tag.name, Artifact.digest)
    .join(Artifact, Artifact.id == Tag.artifact_id)
    .where(Tag.repository_id == sa.bindparam("repository"), Tag.name == sa.bindparam("tag"))
)
_NAMES = (
    sa.select(Tag.name)
    .where(Tag.repository_id == sa.bindparam("repository"), Tag.name > sa.bindparam("last"))
    .order_by(Tag.name)
    .limit(sa.bindparam("limit", type_=sa.Integer()))
)
_POINTED = sa.select(Tag.id, Tag.name, Tag.artifact_id).where(
    Tag.repository_id == sa.bindparam("repository"), Tag.name.in_(sa.bindparam("names", expanding=True))
)
_MOVE = (
    sa.update(Tag)
    .where(Tag.id.in_(sa.bindparam("ids", expanding=True)))
    .values(artifact_id=sa.bindparam("artifact"), push_time=sa.bindparam("now"))
)
