"""Deletion jobs beside a worker, which is killed in the middle of one."""

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.contracts import DELETION
from app.artifacts.large_repositories import BATCH, MOST_AT_ONCE
from app.artifacts.models import Artifact
from app.core.query import ListQuery
from app.jobs.service import ExecutionRef, JobService
from app.projects.models import Project
from tests.integration.content_rows import Rows, faults
from tests.support.blobs import digest_of, push
from tests.support.manifests import CONFIG, image, index, push_image, push_manifest
from tests.support.worker import WorkerProcess
from tests.workflows.scene import Scene, eventually

pytestmark = pytest.mark.temporal
NAME = "private/app"
DELETIONS = "/projects/private/deletions"


def deletion(scene: Scene, admin: httpx.Client) -> ExecutionRef:
    """The newest deletion job of the project, once it has ended."""
    project = scene.ports.db.rows(sa.select(Project.id).where(Project.name == "private"))[0].id
    newest = JobService(scene.ctx).list(DELETION.vendor, ListQuery(), project).items[0]
    assert admin.get(f"{DELETIONS}/{newest.id}").status_code == 200
    return scene.end_of(newest.id)


def left(scene: Scene) -> int:
    return int(scene.ports.db.rows(sa.select(sa.func.count()).select_from(Artifact))[0][0])


def test_chosen_artifacts_are_deleted_and_the_rest_is_told(
    scene: Scene, admin: httpx.Client, registry: httpx.Client, worker: WorkerProcess
) -> None:
    child, free = (push_image(registry, NAME, str(seed), seed=seed) for seed in (1, 2))
    push_manifest(registry, NAME, index(child), "index")
    chosen = {"artifacts": [digest_of(child), digest_of(free)], "tags": ["index"]}
    location = admin.post("/projects/private/repositories/app/artifacts/_delete", json=chosen).headers["Location"]
    worker.start()
    ended = deletion(scene, admin)
    assert (ended.status, ended.status_message) == ("Error", "3 tasks: 2 succeeded, 1 failed")
    told = admin.get(f"{location.removeprefix('/api/v2.0')}/tasks").json()
    assert {task["key"]: task["status"] for task in told} == {
        "tag:index": "Success",
        digest_of(child): "Error",
        digest_of(free): "Success",
    }


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_a_kill_in_the_middle_leaves_nothing(
    scene: Scene, admin: httpx.Client, registry: httpx.Client, worker: WorkerProcess
) -> None:
    push(registry, NAME, CONFIG)
    count = MOST_AT_ONCE + BATCH + 1
    for number in range(count):
        push_manifest(registry, NAME, image(annotations={"number": str(number)}), f"tag-{number}")
    assert admin.delete("/projects/private/repositories/app").status_code == 200
    again = push_image(registry, NAME, "1")
    worker.start()
    eventually(lambda: left(scene) < count, "the first batch")
    worker.kill()
    interrupted = left(scene)
    assert list(faults(Rows.of(scene.ports))) == []
    worker.start()
    ended = deletion(scene, admin)
    assert (ended.status, ended.status_message) == ("Success", "1 tasks: 1 succeeded")
    assert interrupted > 1, "the worker was killed before the end"
    assert left(scene) == 1
    assert scene.repositories() == [NAME]
    assert registry.get(f"/v2/{NAME}/manifests/1").content == again
    assert list(faults(Rows.of(scene.ports))) == []
