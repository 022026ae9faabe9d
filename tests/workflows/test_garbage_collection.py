"""Garbage collection on a real Temporal server: what it frees, what it spares, and what it says."""

from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Artifact
from app.projects.models import Project
from tests.support.blobs import digest_of, push
from tests.support.manifests import push_image
from tests.support.people import People
from tests.support.worker import WorkerProcess
from tests.workflows.scene import Scene

pytestmark = pytest.mark.temporal


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_frees_the_bytes_of_what_nothing_refers_to(scene: Scene, people: People, worker: WorkerProcess) -> None:
    scene.leave_unreferenced(700)
    worker.start()

    ended = scene.end_of(scene.collect(workers=3))

    assert (ended.status, ended.status_message) == ("Success", "")
    assert (scene.objects(), scene.blobs()) == (0, 0)
    assert ended.extra_attrs == {"purged_blobs": 700, "freed_space": 700_000}
    assert not scene.gate().read_only
    log = scene.garbage.log(ended.id)
    assert "workers: 3\n" in log
    assert "700 blobs and 0 manifests eligible for deletion" in log


def test_a_deleted_images_bytes_go_and_what_others_use_stays(
    scene: Scene, registry: httpx.Client, worker: WorkerProcess
) -> None:
    doomed = digest_of(push_image(registry, "public/app", "old"))
    push_image(registry, "public/app", "new", seed=1)
    assert registry.delete(f"/v2/public/app/manifests/{doomed}").status_code == 202
    worker.start()

    ended = scene.end_of(scene.collect())

    assert ended.extra_attrs == {"purged_blobs": 1, "freed_space": 64}
    assert scene.objects() == 2
    assert registry.get("/v2/public/app/manifests/new").status_code == 200


@pytest.mark.parametrize("garbage_environment", [{"HARBOR_GC_TIME_WINDOW": "2h"}])
def test_spares_what_is_young_and_what_a_pusher_counts_on(scene: Scene, people: People, worker: WorkerProcess) -> None:
    old = scene.leave_unreferenced(3)
    scene.age(timedelta(hours=3).total_seconds())
    scene.claim(old[:1], 3600)
    scene.leave_unreferenced(4)
    worker.start()

    ended = scene.end_of(scene.collect())

    assert ended.extra_attrs == {"purged_blobs": 2, "freed_space": 2000}
    assert (scene.objects(), scene.blobs()) == (5, 5)


def test_a_dry_run_counts_without_a_lease(scene: Scene, people: People, worker: WorkerProcess) -> None:
    scene.leave_unreferenced(5)
    worker.start()

    ended = scene.end_of(scene.collect(dry_run=True))

    assert ended.status == "Success"
    assert ended.extra_attrs == {"purged_blobs": 5, "purged_manifests": 0, "freed_space": 5000}
    assert scene.objects() == 5
    assert scene.gate().fence == 0


def test_a_dry_run_counts_what_the_run_after_it_deletes(
    scene: Scene, registry: httpx.Client, worker: WorkerProcess
) -> None:
    push_image(registry, "public/app", "latest")
    push_image(registry, "public/app", "latest", seed=1)
    scene.leave_unreferenced(3)
    worker.start()

    foreseen = scene.end_of(scene.collect(delete_untagged=True, dry_run=True))
    deleted = scene.end_of(scene.collect(delete_untagged=True))

    assert foreseen.extra_attrs == deleted.extra_attrs
    assert (deleted.extra_attrs["purged_manifests"], deleted.extra_attrs["purged_blobs"]) == (1, 4)


def test_untagged_manifests_go_with_their_bytes(scene: Scene, registry: httpx.Client, worker: WorkerProcess) -> None:
    push_image(registry, "public/app", "latest")
    push_image(registry, "public/app", "latest", seed=1)
    worker.start()

    kept = scene.end_of(scene.collect())
    assert "purged_manifests" not in kept.extra_attrs
    ended = scene.end_of(scene.collect(delete_untagged=True, delete_tag=True))

    assert (ended.extra_attrs["purged_manifests"], ended.extra_attrs["purged_blobs"]) == (1, 1)
    assert "0 tags without a manifest deleted" in scene.garbage.log(ended.id)
    assert scene.objects() == 2
    with scene.ctx.read() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(Artifact)).scalar_one() == 1


def test_a_project_is_charged_for_what_is_left(scene: Scene, registry: httpx.Client, worker: WorkerProcess) -> None:
    push_image(registry, "public/app", "latest")
    used = _used(scene)
    push(registry, "public/app", b"nobody refers to this")
    assert _used(scene) == used + 21
    worker.start()

    scene.end_of(scene.collect())

    assert _used(scene) == used


def _used(scene: Scene) -> int:
    with scene.ctx.read() as session:
        return session.execute(sa.select(Project.storage_used).where(Project.name == "public")).scalar_one()
