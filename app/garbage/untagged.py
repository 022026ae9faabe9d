"""Untagged artifacts: what nobody can name any more, older than the window, with what refers to it."""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.deletion import delete_artifacts
from app.artifacts.models import Accessory, Artifact, ArtifactBlob, ArtifactChild, Tag
from app.artifacts.repositories import lock_repository
from app.artifacts.standing import tagged_beside
from app.core.errors import DeniedError, FenceLost, PreconditionError
from app.db.database import retried
from app.db.parts import parts
from app.db.types import clock_ms
from app.garbage.contracts import GarbageInput, Untagged, UntaggedStep
from app.garbage.lease import WriteLease
from app.garbage.marking import UNTAGGED
from app.jobs.runs import JobRun
from app.storage.models import ZeroReference

_BATCH: Final = 100


class UntaggedDeletion:
    """Deletes untagged artifacts under the lease, so that their blobs are swept by the same collection."""

    def __init__(self, run: JobRun, asked: GarbageInput, step: UntaggedStep) -> None:
        self._ctx = run.ctx
        self._run = run
        self._asked = asked
        self._lease = WriteLease(run, asked, step.lease)

    def run(self, go_on: Callable[[], bool]) -> Untagged:
        """Delete until none is left or ``go_on`` says no; an index's children are untagged once it is gone."""
        if self._asked.delete_tag:
            self._delete_stray_tags()
        manifests, done = 0, not self._asked.delete_untagged
        before = self._ctx.ports.clock.now() - timedelta(milliseconds=self._asked.window_ms)
        while not done and go_on():
            deleted = self._pass(before, go_on)
            manifests += deleted
            done = deleted == 0
        return Untagged(manifests=manifests, done=done)

    def _pass(self, before: datetime, go_on: Callable[[], bool]) -> int:
        cursor = deleted = 0
        while page := self._ctx.ports.db.rows(UNTAGGED, {"before": before, "cursor": cursor, "limit": _BATCH}):
            cursor = page[-1].id
            for row in page:
                if not go_on():
                    return deleted
                deleted += self._spared_or_deleted(row.id, row.name)
        return deleted

    def _spared_or_deleted(self, artifact_id: int, repository: str) -> int:
        try:
            return self._delete(artifact_id, repository)
        except FenceLost:
            raise
        except (DeniedError, PreconditionError) as error:
            self._run.log(f"an untagged manifest of {repository} is spared: {error.message}")
            return 0

    @retried()
    def _delete(self, artifact_id: int, name: str) -> int:
        """One artifact and its accessories in one transaction; 0 when it is gone or got a tag meanwhile."""
        with self._ctx.write() as session:
            self._lease.require(session)
            repository = lock_repository(session, name)
            found = session.execute(_STILL_UNTAGGED, {"id": artifact_id}).one_or_none()
            if repository is None or found is None:
                return 0
            doomed = _with_accessories(session, repository.id, artifact_id, found.digest)
            blobs, size = _content(session, doomed)
            delete_artifacts(self._ctx, repository, doomed)
            _let_age(session, repository.id, blobs, self._asked.window_ms)
            self._run.count({"purged_manifests": len(doomed), "freed_space": size})
            return len(doomed)

    def _delete_stray_tags(self) -> None:
        """Remove tags whose manifest is gone; a database that was repaired by hand may hold some."""
        stray = sa.delete(Tag).where(~sa.exists().where(Artifact.id == Tag.artifact_id)).returning(Tag.id)
        with self._ctx.write() as session:
            self._lease.require(session)
            gone = session.execute(stray, execution_options={"synchronize_session": False}).scalars().all()
        self._run.log(f"{len(gone)} tags without a manifest deleted")


def _with_accessories(session: Session, repository_id: int, artifact_id: int, digest: str) -> list[int]:
    """The artifact and, step by step, the accessories of each that have no tag but those about it.

    What an index lists goes after the index, which may be one of them.
    """
    found, latest = {artifact_id}, {artifact_id: digest}
    waiting: dict[int, str] = {}
    parents: dict[int, set[int]] = {}
    while latest:
        new = _attached(session, repository_id, latest.values(), found)
        _note_parents(session, new, parents)
        waiting |= new
        latest = {each: waiting[each] for each in waiting if found.issuperset(parents.get(each, ()))}
        waiting = {each: waiting[each] for each in waiting if each not in latest}
        found |= latest.keys()
    return list(found)


def _attached(session: Session, repository_id: int, subjects: Iterable[str], known: AbstractSet[int]) -> dict[int, str]:
    return {
        row.id: row.digest
        for part in parts(subjects)
        for row in session.execute(_ACCESSORIES, {"repository": repository_id, "subjects": part})
        if row.id not in known
    }


def _note_parents(session: Session, artifact_ids: Iterable[int], parents: dict[int, set[int]]) -> None:
    """Add the indexes that list one of the artifacts, by its id."""
    for part in parts(artifact_ids):
        for row in session.execute(_PARENTS, {"children": part}):
            parents.setdefault(row.child_id, set()).add(row.parent_id)


def _content(session: Session, artifact_ids: Sequence[int]) -> tuple[set[int], int]:
    """The blobs that the artifacts refer to, and the bytes of their manifests."""
    blobs, size = set[int](), 0
    for part in parts(artifact_ids):
        blobs.update(session.execute(_BLOBS, {"ids": part}).scalars())
        size += int(session.execute(_SIZE, {"ids": part}).scalar_one() or 0)
    return blobs, size


def _let_age(session: Session, repository_id: int, blobs: Iterable[int], window_ms: int) -> None:
    """The artifact was old enough, so its blobs need not wait again; a pusher's claim still spares them."""
    for part in parts(blobs):
        aged = sa.update(ZeroReference).where(
            ZeroReference.repository_id == repository_id, ZeroReference.blob_id.in_(part)
        )
        session.execute(aged.values(since=clock_ms() - window_ms), execution_options={"synchronize_session": False})


_TAGGED = sa.exists().where(Tag.artifact_id == Artifact.id)
_LISTED = sa.exists().where(ArtifactChild.child_id == Artifact.id)
_STILL_UNTAGGED = sa.select(Artifact.digest).where(Artifact.id == sa.bindparam("id"), ~_TAGGED, ~_LISTED)
_IDS: sa.BindParameter[list[int]] = sa.bindparam("ids", expanding=True)
_ACCESSORIES = (
    sa.select(Artifact.id, Artifact.digest)
    .join(Accessory, Accessory.artifact_id == Artifact.id)
    .where(
        Accessory.repository_id == sa.bindparam("repository"),
        Accessory.subject_digest.in_(sa.bindparam("subjects", expanding=True)),
        ~tagged_beside(Artifact.id, Accessory.subject_digest),
    )
)
_PARENTS = sa.select(ArtifactChild.child_id, ArtifactChild.parent_id).where(
    ArtifactChild.child_id.in_(sa.bindparam("children", expanding=True))
)
_BLOBS = sa.select(ArtifactBlob.blob_id).where(ArtifactBlob.artifact_id.in_(_IDS))
_SIZE = sa.select(sa.func.sum(Artifact.manifest_size)).where(Artifact.id.in_(_IDS))
