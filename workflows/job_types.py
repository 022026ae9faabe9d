"""The list of all jobs, from which the worker is assembled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from activities import artifacts, garbage, integrity
from activities.jobs import JobActivities
from activities.tasks import TaskActivities
from app.artifacts.contracts import DELETION
from app.context import Ports
from app.garbage.contracts import GARBAGE_COLLECTION, UPLOAD_PURGE_JOB
from app.integrity.contracts import STORAGE_CHECK
from app.jobs.contracts import JobType
from workflows.artifacts import Deletion
from workflows.batches import TaskBatch
from workflows.garbage import GarbageCollection, UploadPurge
from workflows.integrity import StorageCheck


class Activities(Protocol):
    """A class of activities, instantiated once per worker."""

    def __init__(self, ports: Ports) -> None:
        """Bind the activities to the worker's ports."""
        ...

    def all(self) -> Sequence[Callable[..., Any]]:
        """Return the activities that a worker registers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job type with its workflow and activities."""

    kind: JobType[Any, Any]
    workflow: type[Any]
    activities: type[Activities]
    """They run on the task queue of ``kind``."""
    children: tuple[type[Any], ...] = ()
    """Further workflows, which the job's own workflow starts."""
    install: Callable[[Ports], None] | None = None
    """Sets the default schedules when a worker starts."""


JOBS: Final = (
    Job(
        kind=GARBAGE_COLLECTION,
        workflow=GarbageCollection,
        activities=garbage.GarbageActivities,
        install=garbage.install_collections,
    ),
    Job(
        kind=UPLOAD_PURGE_JOB,
        workflow=UploadPurge,
        activities=garbage.UploadPurgeActivities,
        install=garbage.install_purges,
    ),
    Job(
        kind=STORAGE_CHECK,
        workflow=StorageCheck,
        activities=integrity.IntegrityActivities,
        install=integrity.install_checks,
    ),
    Job(
        kind=DELETION,
        workflow=Deletion,
        activities=artifacts.DeletionActivities,
        install=artifacts.install_sweeps,
    ),
)
SHARED_ACTIVITIES: Final[tuple[type[Activities], ...]] = (JobActivities, TaskActivities)
"""The activities that all jobs use; they run on the task queue ``Queue.WORKFLOWS``."""
SHARED_WORKFLOWS: Final[tuple[type[Any], ...]] = (TaskBatch,)
"""The child workflows that the workflow of any job may start."""


def all_workflows(jobs: Sequence[Job]) -> list[type[Any]]:
    """Return the workflows that a worker runs."""
    return [*SHARED_WORKFLOWS, *(workflow for job in jobs for workflow in (job.workflow, *job.children))]
