"""The check that the list of jobs is complete, consistent and without duplicates, at the start of a worker."""

import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from inspect import isclass
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Final

import activities
import app
import workflows
from app.jobs.contracts import JobType, Queue
from workflows.job_types import JOBS, SHARED_ACTIVITIES, Job, all_workflows

_UNIQUE: Final = ("workflow", "vendor", "noun")
_NOUN: Final = re.compile(r"(?!schedule\b)[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VENDOR: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_MAIN: Final = "worker"


class JobListError(Exception):
    """The list of jobs has mistakes; the message lists them one per line."""


def require_complete(jobs: Sequence[Job] = JOBS) -> None:
    """Raise JobListError unless the list has every job type, workflow and class of activities, without mistakes."""
    mistakes = [*_duplicates(jobs), *(mistake for job in jobs for mistake in _mistakes(job)), *_missing(jobs)]
    if mistakes:
        raise JobListError("the list of jobs holds mistakes:\n" + "\n".join(mistakes))


def _duplicates(jobs: Sequence[Job]) -> Iterator[str]:
    for name in _UNIQUE:
        values = [getattr(job.kind, name) for job in jobs]
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield f"{name} {value} is in more than one row"


def _mistakes(job: Job) -> Iterator[str]:
    kind = job.kind
    if kind.queue not in set(Queue):
        yield f"{kind.vendor}: there is no queue {kind.queue}"
    if not _VENDOR.fullmatch(kind.vendor):
        yield f"{kind.vendor}: the vendor type is not in upper case"
    if not _NOUN.fullmatch(kind.noun):
        yield f"{kind.vendor}: the noun {kind.noun!r} cannot begin the id of a workflow"
    if kind.concurrency < 1 or kind.kept < 1:
        yield f"{kind.vendor}: concurrency and kept must be at least 1"
    if (name := _workflow_name(job.workflow)) != kind.workflow:
        yield f"{kind.vendor}: its workflow is called {kind.workflow}, its class {name}"
    if not _is_activities(job.activities):
        yield f"{kind.vendor}: it has no class of activities"


def _missing(jobs: Sequence[Job]) -> Iterator[str]:
    types = [job.kind for job in jobs]
    for kind in _job_types():
        if kind not in types:
            yield f"the job type {kind.vendor} is in no row"
    known = all_workflows(jobs)
    for workflow in _classes(workflows):
        if _workflow_name(workflow) and workflow not in known:
            yield f"the workflow {workflow.__name__} is in no row"
    listed = [*SHARED_ACTIVITIES, *(job.activities for job in jobs)]
    for candidate in _classes(activities):
        if _is_activities(candidate) and candidate not in listed:
            yield f"the activities of {candidate.__name__} are in no row"


def _workflow_name(workflow: type[Any]) -> str | None:
    return getattr(getattr(workflow, "__temporal_workflow_definition", None), "name", None)


def _is_activities(candidate: object) -> bool:
    return isclass(candidate) and callable(getattr(candidate, "all", None))


def _classes(package: ModuleType) -> Iterator[type[Any]]:
    """Yield the classes that the package's modules define, except the worker's main."""
    for info in iter_modules(package.__path__, f"{package.__name__}."):
        if not info.name.endswith(f".{_MAIN}"):
            module = import_module(info.name)
            yield from (value for value in _values(module) if isclass(value) and value.__module__ == module.__name__)


def _job_types() -> Iterator[JobType[Any, Any]]:
    """Yield the job types that the contracts of features define."""
    for feature in iter_modules(app.__path__, f"{app.__name__}."):
        name = f"{feature.name}.contracts"
        if feature.ispkg and find_spec(name) is not None:
            yield from (value for value in _values(import_module(name)) if isinstance(value, JobType))


def _values(module: ModuleType) -> Iterable[Any]:
    return list(vars(module).values())
