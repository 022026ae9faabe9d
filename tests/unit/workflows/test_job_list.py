"""A list of jobs that forgets something, or says it twice, does not start."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.tidying.activities import TidyingActivities
from tests.support.tidying.contracts import TIDYING
from tests.support.tidying.worker import ROW
from tests.support.tidying.workflow import Tidying
from workflows.completeness import JobListError, require_complete
from workflows.garbage import GarbageCollection
from workflows.job_types import JOBS, Job


def changed(**facts: Any) -> Job:  # noqa: ANN401 - any fact of a job type
    return replace(ROW, kind=replace(TIDYING, **facts))


def test_the_products_list_is_complete() -> None:
    require_complete()


def test_one_row_is_all_that_a_job_type_takes() -> None:
    require_complete((*JOBS, ROW))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (changed(workflow="StorageCheck"), "workflow StorageCheck is in more than one row"),
        (changed(vendor="STORAGE_CHECK"), "vendor STORAGE_CHECK is in more than one row"),
        (changed(noun="gc"), "noun gc is in more than one row"),
        (changed(queue="registry-tidy"), "TIDYING: there is no queue registry-tidy"),
        (changed(noun="Tidying-1"), "TIDYING: the noun 'Tidying-1' cannot begin the id of a workflow"),
        (changed(noun="schedule-tidying"), "TIDYING: the noun 'schedule-tidying' cannot begin"),
        (changed(vendor="tidying"), "tidying: the vendor type is not in upper case"),
        (changed(concurrency=0), "TIDYING: concurrency and kept must be at least 1"),
        (changed(kept=0), "concurrency and kept must be at least 1"),
        (replace(ROW, workflow=GarbageCollection), "TIDYING: its workflow is called Tidying, its class Garbage"),
        (replace(ROW, workflow=TidyingActivities), "TIDYING: its workflow is called Tidying, its class None"),
        (replace(ROW, activities=Tidying), "TIDYING: it has no class of activities"),  # type: ignore[arg-type]
        (replace(ROW, activities=None), "it has no class of activities"),  # type: ignore[arg-type]
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_that_makes_no_sense(row: Job, expected: str) -> None:
    with pytest.raises(JobListError, match=expected):
        require_complete((*JOBS, row))


@pytest.mark.parametrize("left_out", JOBS, ids=lambda job: job.kind.vendor)
def test_what_is_in_no_row(left_out: Job) -> None:
    with pytest.raises(JobListError) as refused:
        require_complete([job for job in JOBS if job is not left_out])
    assert str(refused.value).splitlines()[1:] == [
        f"the job type {left_out.kind.vendor} is in no row",
        f"the workflow {left_out.workflow.__name__} is in no row",
        f"the activities of {left_out.activities.__name__} are in no row",
    ]


def test_a_row_without_activities_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="activities"):
        Job(kind=TIDYING, workflow=Tidying)  # type: ignore[call-arg]
