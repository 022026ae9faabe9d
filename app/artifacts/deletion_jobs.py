"""Deletion jobs: chosen tags and artifacts of a repository, or what a large repository holds; requested and shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from app.artifacts.contracts import DELETION, DeletionInput
from app.artifacts.deletion_tasks import artifact_task, repository_task, tag_task
from app.artifacts.large_repositories import hidden_repositories, hide_repository
from app.artifacts.models import Artifact, Repository, Tag
from app.artifacts.repositories import RepositoryRef
from app.context import Context
from app.core.digest import Digest
from app.core.errors import DigestInvalid, FieldInvalid, NotFoundError, RepositoryUnknown
from app.core.paging import Listed
from app.core.query import ListQuery
from app.core.reference import is_tag
from app.events.refusals import DeleteDenied
from app.jobs import tasks
from app.jobs.contracts import Trigger
from app.jobs.service import ExecutionRef, JobService
from app.jobs.task_service import TaskRef, TaskService
from app.jobs.tasks import NewTask, TaskCounters
from app.projects.rights import ProjectRef, require_in_project

MOST_CHOSEN: Final = tasks.MOST
"""The most tags and artifacts of one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The tags, by name, and the artifacts, by digest, to delete in a repository."""

    tags: Sequence[str]
    artifacts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionRef:
    """A deletion job with the number of its tasks by state."""

    run: ExecutionRef
    counters: TaskCounters

    @property
    def repository(self) -> str:
        """The full name of the repository."""
        return DeletionInput.of(self.run.input).repository


class DeletionService:
    """Requests and shows deletion jobs; each method requires the right to delete artifacts in the project."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx
        self._jobs = JobService(ctx)
        self._tasks = TaskService(ctx)

    def request(self, project: str, repository: str, chosen: Chosen) -> int:
        """Request the deletion of the tags and artifacts as they are now, and return the id of the execution.

        What cannot be deleted is told by its task. Raise FieldInvalid for a malformed tag or digest, and for none or
        more than MOST_CHOSEN of both; RepositoryUnknown; as ``rights.require_in_project`` does.
        """
        name = f"{project}/{repository}"
        with self._ctx.refusing(DeleteDenied(repository=name)):
            place = require_in_project(self._ctx, project, "artifact", "delete")
            if chosen.tags:
                require_in_project(self._ctx, project, "tag", "delete")
        _require_valid(chosen)
        return self._start(place.id, name, self._planned(name, chosen))

    def list_in(self, project: str, query: ListQuery) -> Listed[DeletionRef]:
        """Return a page of the project's deletion jobs, newest first unless the query sorts."""
        place = self._require(project)
        runs = self._jobs.list(DELETION.vendor, query, place.id)
        counters = self._tasks.counters([run.id for run in runs.items])
        items = [DeletionRef(run=run, counters=counters[run.id]) for run in runs.items]
        return Listed(items=items, total=runs.total, page=runs.page)

    def find(self, project: str, execution_id: int) -> DeletionRef:
        """Return a deletion job of the project; raise NotFoundError when it has none of this id."""
        run = self._own(self._require(project), execution_id)
        return DeletionRef(run=run, counters=self._tasks.counters([run.id])[run.id])

    def tasks(self, project: str, execution_id: int, query: ListQuery) -> Listed[TaskRef]:
        """Return a page of the job's tasks, which tell what was deleted and why the rest was not; raise as ``find``."""
        return self._tasks.list(self._own(self._require(project), execution_id).id, query)

    def stop(self, project: str, execution_id: int) -> None:
        """Request the end of a job of chosen tags and artifacts; raise as ``find``, FieldInvalid for a repository's.

        A hidden repository must be deleted to the end.
        """
        run = self._own(self._require(project), execution_id)
        if DeletionInput.of(run.input).hidden_id:
            raise FieldInvalid("deletion_id", "that of a deletion of chosen tags and artifacts")
        self._jobs.stop(run.id)

    def _require(self, project: str) -> ProjectRef:
        return require_in_project(self._ctx, project, "artifact", "delete")

    def _own(self, project: ProjectRef, execution_id: int) -> ExecutionRef:
        run = self._jobs.execution(execution_id)
        if (run.vendor_type, run.vendor_id) != (DELETION.vendor, project.id):
            raise NotFoundError(f"deletion {execution_id} not found")
        return run

    def _planned(self, name: str, chosen: Chosen) -> list[NewTask]:
        """Return the tasks: tags first, then artifacts, of which the newest come first, as children are the older."""
        rows = self._ctx.rows(_REPOSITORY, {"name": name})
        if not rows:
            raise RepositoryUnknown(f"repository {name} not found")
        own = {"repository": rows[0].id, "digests": list(chosen.artifacts), "tags": list(chosen.tags)}
        ids = {row.digest: row.id for row in self._ctx.rows(_BY_DIGEST, own)} if chosen.artifacts else {}
        digests = {row.name: row.digest for row in self._ctx.rows(_BY_TAG, own)} if chosen.tags else {}
        ordered = sorted(dict.fromkeys(chosen.artifacts), key=lambda digest: -ids.get(digest, 0))
        by_tag = [tag_task(tag, digests.get(tag)) for tag in dict.fromkeys(chosen.tags)]
        return [*by_tag, *(artifact_task(digest) for digest in ordered)]

    def _start(self, project_id: int, name: str, new: Sequence[NewTask]) -> int:
        project = name.partition("/")[0]
        job_input = DeletionInput(project=project, repository=name, operator=self._ctx.principal.name)
        with self._ctx.write() as session:
            started = self._jobs.start(DELETION, job_input, trigger=Trigger.MANUAL, vendor_id=project_id)
            tasks.insert(session, started, new, self._ctx.ports.clock.now())
            return started


def hide_and_sweep(ctx: Context, repository: RepositoryRef) -> None:
    """Hide a large repository and request the job that deletes its content, inside an open content transaction.

    The caller must have locked the repository's row.
    """
    with ctx.write():
        hide_repository(ctx, repository)
        _request_sweep(ctx, repository.project_id, repository.name, repository.id)


def resume_sweeps(ctx: Context) -> None:
    """Request a job for each hidden repository that none is at work on; called when a worker starts."""
    with ctx.write():
        at_work = {DeletionInput.of(run.input).hidden_id for run in JobService(ctx).unended(DELETION.vendor)}
        for hidden in hidden_repositories(ctx):
            if hidden.id not in at_work:
                _request_sweep(ctx, hidden.project_id, "", hidden.id)


def _request_sweep(ctx: Context, project_id: int, name: str, repository_id: int) -> None:
    project = name.partition("/")[0]
    job_input = DeletionInput(project=project, repository=name, operator=ctx.principal.name, hidden_id=repository_id)
    with ctx.write() as session:
        started = JobService(ctx).start(DELETION, job_input, trigger=Trigger.EVENT, vendor_id=project_id)
        task = repository_task(name or f"repository {repository_id}", repository_id)
        tasks.insert(session, started, [task], ctx.ports.clock.now())


def _require_valid(chosen: Chosen) -> None:
    if not 0 < len(chosen.tags) + len(chosen.artifacts) <= MOST_CHOSEN:
        raise FieldInvalid("tags and artifacts together", f"from 1 to {MOST_CHOSEN}")
    if not all(map(is_tag, chosen.tags)):
        raise FieldInvalid("tags", "names of tags")
    for digest in chosen.artifacts:
        try:
            Digest.parse(digest)
        except DigestInvalid as error:
            raise FieldInvalid("artifacts", "digests") from error


_REPOSITORY: Final = sa.select(Repository.id).where(Repository.name == sa.bindparam("name"), Repository.published)
_BY_DIGEST: Final = sa.select(Artifact.id, Artifact.digest).where(
    Artifact.repository_id == sa.bindparam("repository"),
    Artifact.digest.in_(sa.bindparam("digests", expanding=True)),
)
_BY_TAG: Final = (
    sa.select(Tag.name, Artifact.digest)
    .join(Artifact, Artifact.id == Tag.artifact_id)
    .where(Tag.repository_id == sa.bindparam("repository"), Tag.name.in_(sa.bindparam("tags", expanding=True)))
)
