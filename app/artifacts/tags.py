"""Tags: names for artifacts, moved by pushes, listed in byte order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.deletion import delete_tags
from app.artifacts.models import Artifact, Tag
from app.artifacts.repositories import find_published, lock_published
from app.context import Context
from app.core.errors import ManifestUnknown
from app.core.paging import KeysetPage
from app.db.conflict import full_insert
from app.db.database import retried
from app.db.plans import run

MOST_NAMES: Final = 10_000
"""Tags of one page."""


class TagService:
    """Lists and deletes tags at the registry's door, where the caller's rights were checked."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def names(
        self, repository: str, *, last: str = "", limit: int = MOST_NAMES, public_only: bool = False
    ) -> KeysetPage[str]:
        """Return at most ``limit`` tags after ``last`` in byte order; RepositoryUnknown."""
        db = self._ctx.ports.db
        wanted = {"repository": find_published(db, repository, public_only=public_only), "last": last}
        rows = db.rows(_NAMES, wanted | {"limit": limit + 1})
        return KeysetPage(items=[row[0] for row in rows[:limit]], more=len(rows) > limit)

    @retried()
    def delete(self, repository: str, tag: str) -> None:
        """Delete a tag; its manifest stays. RepositoryUnknown, ManifestUnknown."""
        with self._ctx.write_content() as session:
            place = lock_published(session, repository)
            row = session.connection().execute(_ONE, {"repository": place.id, "tag": tag}).one_or_none()
            if row is None:
                raise ManifestUnknown(f"tag {tag[:160]} unknown", detail={"tag": tag[:160]})
            delete_tags(self._ctx, place, [(row.id, row.name, row.digest)])


def point_tags(session: Session, repository_id: int, artifact_id: int, names: Sequence[str], now: datetime) -> set[int]:
    """Make or move the tags to the artifact; returns the ids of the artifacts that got or lost one.

    The repository's row must be locked.
    """
    if not names:
        return set()
    found = {row.name: row for row in run(session, _POINTED, {"repository": repository_id, "names": list(names)})}
    moved = {row.id: row.artifact_id for row in found.values() if row.artifact_id != artifact_id}
    if moved:
        session.connection().execute(_MOVE, {"ids": list(moved), "artifact": artifact_id, "now": now})
    place = {"repository_id": repository_id, "artifact_id": artifact_id, "push_time": now}
    absent = [place | {"name": name} for name in names if name not in found]
    if len(absent) == 1:
        run(session, _NEW_ONE, absent[0])
    elif absent:
        session.connection().execute(_NEW, absent)
    return {artifact_id, *moved.values()} if moved or absent else set()


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
