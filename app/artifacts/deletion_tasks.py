"""The tasks of a deletion job: a tag, an artifact, or all that is left of a large repository."""

import time
from dataclasses import replace
from typing import Final

import sqlalchemy as sa

from app.access.principals import SYSTEM
from app.artifacts.contracts import DeletionInput
from app.artifacts.deletion import delete_artifact, delete_tags
from app.artifacts.large_repositories import artifacts_left, sweep_batch
from app.artifacts.models import Artifact, Tag
from app.artifacts.repositories import lock_published
from app.context import Context
from app.core.errors import ManifestUnknown, PreconditionError, ReadOnly, UnavailableError
from app.db.database import retried
from app.jobs.contracts import Status
from app.jobs.task_work import TaskWork
from app.jobs.tasks import NewTask, Progress, TaskEnd

_PAUSE_SECONDS: Final = 2.0
_TAG, _ARTIFACT, _REPOSITORY = "tag", "artifact", "repository"


def tag_task(name: str, digest: str | None) -> NewTask:
    """Return the task that deletes a tag, unless it no longer points at ``digest``; None for an unknown tag."""
    return NewTask(key=f"{_TAG}:{name}", attrs={"kind": _TAG, "tag": name, "digest": digest})


def artifact_task(digest: str) -> NewTask:
    """Return the task that deletes an artifact with its accessories and all tags."""
    return NewTask(key=digest, attrs={"kind": _ARTIFACT, "digest": digest})


def repository_task(name: str, repository_id: int) -> NewTask:
    """Return the task that deletes what a hidden repository holds; ``name`` is the one it had."""
    return NewTask(key=name, attrs={"kind": _REPOSITORY, "repository_id": repository_id})


class DeletionTasks:
    """Does the tasks of one deletion job, in the name of the caller that requested it."""

    def __init__(self, ctx: Context, job_input: DeletionInput) -> None:
        """Act on the ports of ``ctx``."""
        operator = replace(SYSTEM, name=job_input.operator or SYSTEM.name)
        self._ctx = Context(ctx.ports, operator, request_id=ctx.request_id)
        self._repository = job_input.repository

    def do(self, work: TaskWork) -> TaskEnd:
        """Do the task and return its end; raise why the tag or artifact is not deleted."""
        kind = work.attrs["kind"]
        if kind == _REPOSITORY:
            return self._sweep(work)
        if kind == _TAG:
            self._delete_tag(work.attrs["tag"], work.attrs["digest"])
        else:
            self._delete_artifact(work.attrs["digest"])
        work.log("deleted")
        return TaskEnd(task=work.task)

    @retried()
    def _delete_tag(self, name: str, digest: str | None) -> None:
        with self._ctx.write_content() as session:
            place = lock_published(session, self._repository)
            row = session.execute(_POINTED, {"repository": place.id, "tag": name}).one_or_none()
            if row is None:
                raise ManifestUnknown(f"the repository has no tag {name}")
            if digest is not None and row.digest != digest:
                raise PreconditionError(f"tag {name} points at {row.digest} by now, and stays")
            delete_tags(self._ctx, place, [(row.id, row.name, row.digest)])

    @retried()
    def _delete_artifact(self, digest: str) -> None:
        with self._ctx.write_content() as session:
            place = lock_published(session, self._repository)
            artifact_id = session.execute(_OWN, {"repository": place.id, "digest": digest}).scalar_one_or_none()
            if artifact_id is None:
                raise ManifestUnknown("the repository has no such artifact")
            delete_artifact(self._ctx, artifact_id)

    def _sweep(self, work: TaskWork) -> TaskEnd:
        """Delete batch after batch; wait while the registry is read-only. Go on where an earlier attempt ended."""
        repository_id = int(work.attrs["repository_id"])
        total = artifacts_left(self._ctx, repository_id)
        while work.go_on():
            try:
                more = sweep_batch(self._ctx, repository_id)
            except (ReadOnly, UnavailableError) as refusal:
                work.progress(Progress(step="waiting", sentence=refusal.message))
                time.sleep(_PAUSE_SECONDS)
                continue
            if not more:
                work.log(f"the last {total} artifacts are deleted")
                return TaskEnd(task=work.task)
            left = artifacts_left(self._ctx, repository_id)
            work.progress(Progress(step="deleting", sentence=f"{total - left} of {total} artifacts are deleted"))
        return TaskEnd(task=work.task, status=Status.PENDING)


_POINTED: Final = (
    sa.select(Tag.id, Tag.name, Artifact.digest)
    .join(Artifact, Artifact.id == Tag.artifact_id)
    .where(Tag.repository_id == sa.bindparam("repository"), Tag.name == sa.bindparam("tag"))
)
_OWN: Final = sa.select(Artifact.id).where(
    Artifact.repository_id == sa.bindparam("repository"), Artifact.digest == sa.bindparam("digest")
)
