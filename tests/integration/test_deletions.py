"""Deletion jobs through the management API: requested, done step by step by the tests, and reported."""

from collections.abc import Callable, Sequence

import httpx
import pytest

from app.artifacts import large_repositories
from app.artifacts.contracts import DELETION, DeletionInput
from app.artifacts.deletion_jobs import resume_sweeps
from app.artifacts.deletion_tasks import DeletionTasks
from app.context import Context, Ports
from app.core.errors import DomainError
from app.jobs.contracts import LAST_TASK, SliceStep, Status
from app.jobs.runs import JobRun
from app.jobs.service import JobService
from app.jobs.task_work import SliceWork, TaskWork
from app.jobs.tasks import TaskEnd
from tests.integration.conftest import Caller
from tests.integration.content_rows import Rows, faults
from tests.support.blobs import digest_of, push
from tests.support.manifests import index, push_image, push_manifest
from tests.support.quotas import quota_of

REPOSITORY = "/projects/private/repositories/app"
CHOSEN = f"{REPOSITORY}/artifacts/_delete"
DELETIONS = "/projects/private/deletions"
NAME = "private/app"
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Go = Callable[[], bool]


def run_jobs(ctx: Context, go_on: Go = lambda: True) -> None:
    """Do the tasks of all deletion jobs that have not ended, as a worker would."""
    for execution in JobService(ctx).unended(DELETION.vendor):
        run = JobRun(ctx, execution.workflow_id, DELETION.workflow)
        run.begin(0)
        tasks = DeletionTasks(ctx, DeletionInput.of(run.require_input()))

        def do(works: Sequence[TaskWork], tasks: DeletionTasks = tasks) -> list[TaskEnd]:
            return [_end(tasks, work) for work in works]

        worked = SliceWork(run=run, step=SliceStep(first=0, last=LAST_TASK, tries=10), go_on=go_on).do(do)
        if not worked.left and go_on():
            run.finish(Status.SUCCESS)


def _end(tasks: DeletionTasks, work: TaskWork) -> TaskEnd:
    try:
        return tasks.do(work)
    except DomainError as error:
        return TaskEnd(task=work.task, status=Status.ERROR, reason=error.message)


def report(admin: httpx.Client, location: str) -> dict[str, tuple[str, str]]:
    answer = admin.get(f"{location.removeprefix('/api/v2.0')}/tasks", params={"page_size": "100"})
    assert answer.status_code == 200, answer.text
    return {task["key"]: (task["status"], task.get("status_message", "")) for task in answer.json()}


def test_chosen_tags_and_artifacts_go_and_the_rest_is_told(
    admin: httpx.Client, registry: httpx.Client, ctx: Context, ports: Ports
) -> None:
    plain, child, other = (push_image(registry, NAME, str(seed), seed=seed) for seed in (1, 2, 3))
    push_manifest(registry, NAME, plain, "also")
    whole = index(child)
    push_manifest(registry, NAME, whole, "index")
    kept_child = push_image(registry, NAME, seed=4)
    push_manifest(registry, NAME, index(kept_child), "kept")
    unknown = "sha256:" + "0" * 64
    body = {
        "tags": ["also", "none", "3"],
        "artifacts": [*map(digest_of, (child, whole, kept_child)), unknown],
    }
    answer = admin.post(CHOSEN, json=body)
    assert (answer.status_code, answer.content) == (201, b""), answer.text
    location = answer.headers["Location"]
    before = admin.get(location.removeprefix("/api/v2.0")).json()
    assert (before["status"], before["task_count"], before["repository"]) == ("Pending", 7, NAME)
    push_manifest(registry, NAME, plain, "3")
    run_jobs(ctx)
    told = report(admin, location)
    assert {key: status for key, (status, _) in told.items()} == {
        "tag:also": "Success",
        "tag:none": "Error",
        "tag:3": "Error",
        digest_of(whole): "Success",
        digest_of(child): "Success",
        digest_of(kept_child): "Error",
        unknown: "Error",
    }
    assert told["tag:none"][1] == "the repository has no tag none"
    assert told["tag:3"][1] == f"tag 3 points at {digest_of(plain)} by now, and stays"
    assert "an index of the repository lists this artifact" in told[digest_of(kept_child)][1]
    assert told[unknown][1] == "the repository has no such artifact"
    after = admin.get(location.removeprefix("/api/v2.0")).json()
    assert (after["status"], after["success_task_count"], after["error_task_count"]) == ("Success", 3, 4)
    assert registry.get(f"/v2/{NAME}/tags/list").json()["tags"] == ["1", "3", "kept"]
    assert registry.get(f"/v2/{NAME}/manifests/{digest_of(other)}").status_code == 200
    assert list(faults(Rows.of(ports))) == []
    lines = admin.get("/projects/private/logs", params={"q": "operation=delete", "page_size": "50"}).json()
    assert {line["username"] for line in lines} == {"admin"}


@ONE
@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({}, 400, "from 1 to 500"),
        ({"tags": [], "artifacts": []}, 400, "from 1 to 500"),
        ({"tags": ["a"] * 501}, 400, "from 1 to 500"),
        ({"tags": ["a b"]}, 400, "tags"),
        ({"tags": [""]}, 400, "tags"),
        ({"artifacts": ["latest"]}, 400, "artifacts"),
        ({"artifacts": ["sha256:abc"]}, 400, "artifacts"),
        ({"tags": "1"}, 422, "tags"),
        ({"tags": [1]}, 422, "tags"),
        ({"artifacts": [None]}, 422, "artifacts"),
        ([], 422, ""),
    ],
)
def test_bad_choices_are_refused(
    admin: httpx.Client, registry: httpx.Client, body: object, status: int, told: str
) -> None:
    push_image(registry, NAME, "1")
    answer = admin.post(CHOSEN, json=body)
    assert answer.status_code == status, answer.text
    assert told in answer.json()["errors"][0]["message"]
    assert admin.get(DELETIONS).json() == []


@ONE
def test_only_who_may_delete_in_the_project_asks_and_sees(
    caller: Caller, admin: httpx.Client, registry: httpx.Client, ctx: Context
) -> None:
    push_image(registry, NAME, "1")
    push_image(registry, "public/app", "1")
    location = caller("maintainer").post(CHOSEN, json={"tags": ["1"]}).headers["Location"].removeprefix("/api/v2.0")
    other = admin.post(CHOSEN.replace("private", "public"), json={"tags": ["1"]}).headers["Location"]
    for path in (location, f"{location}/tasks", DELETIONS):
        assert caller("maintainer").get(path).status_code == 200
        assert caller("developer").get(path).status_code == 403
        assert caller(None).get(path).status_code == 401
    assert caller("maintainer").get(f"{DELETIONS}/{other.rpartition('/')[2]}").status_code == 404
    collection = JobService(ctx).start(DELETION, DeletionInput(), trigger="MANUAL", vendor_id=0)
    assert admin.get(f"{DELETIONS}/{collection}").status_code == 404
    assert admin.post(CHOSEN.replace("/app/", "/none/"), json={"tags": ["1"]}).status_code == 404
    assert caller("maintainer").put(location).status_code == 200
    assert admin.get(location).json()["status"] == "Stopped"
    run_jobs(ctx)
    assert registry.get(f"/v2/{NAME}/manifests/1").status_code == 200


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, registry: httpx.Client) -> list[bytes]:
    """A repository that is too large for one request: five images and an index, two of them in a batch."""
    monkeypatch.setattr(large_repositories, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(large_repositories, "BATCH", 2)
    monkeypatch.setattr(large_repositories, "_NEXT", large_repositories._NEXT.limit(2))
    images = [push_image(registry, NAME, str(seed), seed=seed) for seed in range(5)]
    push_manifest(registry, NAME, index(*images), "index")
    push(registry, NAME, b"a lone blob")
    return images


def test_a_large_repository_is_gone_at_once_and_swept_later(
    admin: httpx.Client, registry: httpx.Client, ctx: Context, ports: Ports, large: list[bytes]
) -> None:
    assert admin.delete(REPOSITORY).status_code == 200
    assert admin.get(REPOSITORY).status_code == 404
    assert admin.delete(REPOSITORY).status_code == 404
    for place in ("/projects/private/repositories", "/projects/private/artifacts", "/artifacts"):
        assert admin.get(place).json() == []
        assert admin.get(place, params={"q": "base=*"}).json() == []
    assert admin.get("/search", params={"q": "app"}).json()["repository"] == []
    assert admin.get("/projects/private").json()["repo_count"] == 0
    assert registry.get(f"/v2/{NAME}/manifests/1").status_code == 404
    assert registry.get(f"/v2/{NAME}/tags/list").status_code == 404
    assert registry.get(f"/v2/{NAME}/manifests/{digest_of(large[0])}").status_code == 404
    again = push_image(registry, NAME, "1", seed=1)
    refused = admin.delete("/projects/private")
    assert refused.status_code == 412
    calls = iter(range(100))
    run_jobs(ctx, lambda: next(calls) < 4)
    (job,) = admin.get(DELETIONS).json()
    assert (job["status"], job["trigger"], job["operator"]) == ("Running", "EVENT", "admin")
    assert list(faults(Rows.of(ports))) == []
    run_jobs(ctx)
    (job,) = admin.get(DELETIONS).json()
    assert job["status"] == "Success"
    (message,) = report(admin, f"{DELETIONS}/{job['id']}").values()
    assert message[0] == "Success"
    assert list(faults(Rows.of(ports))) == []
    rows = Rows.of(ports)
    assert len(rows.repositories) == 1
    assert registry.get(f"/v2/{NAME}/manifests/1").content == again
    assert admin.delete(REPOSITORY).status_code == 200
    assert quota_of(admin, "private")["used"]["storage"] == 0
    lines = admin.get("/projects/private/logs", params={"q": "resource_type=repository"}).json()
    assert [(line["resource"], line["operation"]) for line in lines] == [(NAME, "delete")] * 2


@pytest.mark.usefixtures("large")
def test_what_no_job_is_at_work_on_is_resumed(admin: httpx.Client, ctx: Context, ports: Ports) -> None:
    assert admin.delete(REPOSITORY).status_code == 200
    resume_sweeps(ctx)
    (job,) = admin.get(DELETIONS).json()
    assert admin.put(f"{DELETIONS}/{job['id']}").status_code == 400, "the job of a hidden repository goes to its end"
    JobService(ctx).stop(job["id"])
    resume_sweeps(ctx)
    resume_sweeps(ctx)
    assert [job["status"] for job in admin.get(DELETIONS).json()] == ["Pending", "Stopped"]
    assert admin.delete("/projects/private").status_code == 412
    run_jobs(ctx)
    assert len(Rows.of(ports).repositories) == 0
    assert admin.delete("/projects/private").status_code == 200


@ONE
@pytest.mark.usefixtures("large")
def test_a_sweep_waits_while_the_registry_is_read_only(admin: httpx.Client, ctx: Context, ports: Ports) -> None:
    assert admin.delete(REPOSITORY).status_code == 200
    assert admin.put("/configurations", json={"read_only": True}).status_code == 200
    calls = iter(range(100))

    def go_on() -> bool:
        if next(calls) == 3:
            admin.put("/configurations", json={"read_only": False})
        return True

    run_jobs(ctx, go_on)
    assert len(Rows.of(ports).repositories) == 0
