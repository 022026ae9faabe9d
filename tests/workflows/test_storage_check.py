"""``pyharbor storage check`` beside a worker: what it finds, what it costs, and that it survives stops and crashes."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from app.integrity.check import COUNTERS
from app.integrity.service import StorageCheckService
from app.jobs.models import Schedule
from app.storage.models import Blob
from tests.support.blobs import content_of, push
from tests.support.people import People
from tests.support.worker import WorkerProcess
from tests.workflows.scene import Scene, eventually

pytestmark = pytest.mark.temporal
SIZE = 100_000


def pyharbor(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **environment, "HARBOR_LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "app.cli", "storage", *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=100)


def fill(registry: httpx.Client, count: int) -> list[str]:
    return [push(registry, "public/app", content_of(SIZE, seed)) for seed in range(count)]


def file_of(scene: Scene, digest: str) -> Path:
    key: str = scene.ports.db.rows(sa.select(Blob.key).where(Blob.digest == digest))[0].key
    return scene.ports.settings.storage.path / key


def counted(scene: Scene, execution_id: int) -> list[int]:
    found = scene.execution(execution_id).extra_attrs
    return [found.get(name, 0) for name in COUNTERS]


@pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_one_byte_among_several_files(
    scene: Scene, registry: httpx.Client, worker: WorkerProcess, environment: dict[str, str]
) -> None:
    digests = fill(registry, 5)
    spoiled = digests[2]
    push(registry, "private/copy", content_of(SIZE, 2))
    content = bytearray(file_of(scene, spoiled).read_bytes())
    content[50_000] ^= 1
    file_of(scene, spoiled).write_bytes(content)
    worker.start()

    checked = pyharbor(environment, "check", "--wait")

    assert checked.returncode == 1, checked.stderr
    told = [line for line in checked.stdout.splitlines() if "damaged (" in line]
    assert len(told) == 1
    assert told[0].endswith(f"): {spoiled}, held by private/copy, public/app")
    assert "Error: 5 blobs read, 500000 bytes; 1 damaged, 0 unreadable" in checked.stdout
    assert [registry.get(f"/v2/public/app/blobs/{digest}").status_code for digest in digests] == [
        200,
        200,
        404,
        200,
        200,
    ]
    assert registry.head(f"/v2/private/copy/blobs/{spoiled}").status_code == 404

    push(registry, "public/app", content_of(SIZE, 2))

    assert registry.get(f"/v2/private/copy/blobs/{spoiled}").content == content_of(SIZE, 2)
    again = pyharbor(environment, "check", "--wait")
    assert (again.returncode, again.stdout.splitlines()[-1][:8]) == (0, "Success:")
    assert counted(scene, 2) == [5, 5 * SIZE, 0, 0, 0]


def test_every_kind_of_finding(
    scene: Scene, registry: httpx.Client, worker: WorkerProcess, environment: dict[str, str]
) -> None:
    _sound, good, short, lost, unreadable = fill(registry, 5)
    with scene.ctx.write() as session:
        session.execute(sa.update(Blob).where(Blob.digest == good).values(quarantined_at=scene.ports.clock.now()))
    os.truncate(file_of(scene, short), 10)
    file_of(scene, lost).unlink()
    file_of(scene, unreadable).unlink()
    file_of(scene, unreadable).mkdir()
    worker.start()

    checked = pyharbor(environment, "check", "--wait")

    assert checked.returncode == 1
    assert f"damaged (10 bytes instead of {SIZE}): {short}, held by public/app\n" in checked.stdout
    assert f"damaged (its object is missing): {lost}, held by public/app\n" in checked.stdout
    assert "unreadable ([Errno 21] Is a directory" in checked.stdout
    assert f"good again: {good}\n" in checked.stdout
    assert counted(scene, 1) == [5, 2 * SIZE, 2, 1, 1]
    quarantined = scene.ports.db.rows(sa.select(Blob.digest).where(Blob.quarantined_at.is_not(None)))
    assert {row.digest for row in quarantined} == {short, lost}


def test_a_volume_that_is_away_sets_nothing_apart(
    scene: Scene, registry: httpx.Client, worker: WorkerProcess, environment: dict[str, str]
) -> None:
    digests = fill(registry, 3)
    root = scene.ports.settings.storage.path
    root.rename(root.with_name("away"))
    worker.start()

    assert pyharbor(environment, "check", "--wait").returncode == 1

    assert counted(scene, 1) == [3, 0, 0, 3, 0]
    root.with_name("away").rename(root)
    assert [registry.get(f"/v2/public/app/blobs/{digest}").status_code for digest in digests] == [200, 200, 200]


def test_a_sample(scene: Scene, registry: httpx.Client, worker: WorkerProcess, environment: dict[str, str]) -> None:
    fill(registry, 7)
    worker.start()
    assert pyharbor(environment, "check", "--sample", "3", "--wait").returncode == 0
    assert pyharbor(environment, "check", "--sample", "20%", "--wait").returncode == 0
    assert [counted(scene, run)[0] for run in (1, 2)] == [3, 2]
    refused = pyharbor(environment, "check", "--sample", "some")
    assert (refused.returncode, refused.stderr) == (
        1,
        "pyharbor: sample must be a part, as in 5%, or a whole number from 1\n",
    )


class TestSlow:
    """At 64 KiB a second, each file takes a second and a half."""

    @pytest.fixture
    def garbage_environment(self) -> dict[str, str]:
        return {"HARBOR_STORAGE_CHECK_RATE": "64K", "HARBOR_STORAGE_CHECK_CRON": ""}

    def test_stop_and_go_on(
        self, scene: Scene, registry: httpx.Client, worker: WorkerProcess, environment: dict[str, str]
    ) -> None:
        fill(registry, 8)
        worker.start()
        service = StorageCheckService(scene.ctx)
        first = service.run()
        eventually(lambda: counted(scene, first)[0] > 0, "the first blobs")
        push(registry, "public/app", b"writes go on")

        assert pyharbor(environment, "stop").stdout == f"storage check {first} is asked to stop\n"
        ended = scene.end_of(first)
        assert (ended.status, ended.status_message) == ("Stopped", "stopped on request")
        resumed = pyharbor(environment, "check", "--resume", "--wait")
        assert resumed.returncode == 0, resumed.stdout
        assert "going on behind blob" in resumed.stdout
        before, after = counted(scene, first), counted(scene, first + 1)
        assert (before[0] + after[0], before[1] + after[1]) == (8, 8 * SIZE)
        refused = pyharbor(environment, "check", "--resume")
        assert (refused.returncode, refused.stderr) == (
            1,
            "pyharbor: no storage check was cut off, there is nothing to go on with\n",
        )

    def test_kill_on_the_way(self, scene: Scene, registry: httpx.Client, worker: WorkerProcess) -> None:
        fill(registry, 5)
        worker.start()
        asked = StorageCheckService(scene.ctx).run()
        eventually(lambda: counted(scene, asked)[0] > 1, "the first blobs")
        worker.kill()
        worker.start()
        assert scene.end_of(asked, 90).status == "Success"
        assert counted(scene, asked) == [5, 5 * SIZE, 0, 0, 0]

    def test_one_at_a_time(self, scene: Scene, registry: httpx.Client, worker: WorkerProcess) -> None:
        fill(registry, 3)
        worker.start()
        service = StorageCheckService(scene.ctx)
        first = service.run()
        eventually(lambda: scene.execution(first).status == "Running", "the first check")
        second = scene.end_of(service.run())
        assert (second.status, second.status_message) == ("Stopped", "another storage check is running")
        assert scene.end_of(first).status == "Success"

    def test_no_schedule_when_it_is_empty(self, scene: Scene, people: People, worker: WorkerProcess) -> None:
        worker.start()
        eventually(lambda: "worker_started" in worker.log, "the worker")
        assert "STORAGE_CHECK" not in schedules(scene)


def test_it_is_on_a_schedule(scene: Scene, people: People, worker: WorkerProcess) -> None:
    worker.start()
    eventually(lambda: "STORAGE_CHECK" in schedules(scene), "the schedule")
    assert schedules(scene)["STORAGE_CHECK"] == ("0 0 3 * * 0", "5%")


def test_garbage_collection_deletes_what_is_set_apart(scene: Scene, people: People, worker: WorkerProcess) -> None:
    scene.leave_unreferenced(2)
    with scene.ctx.write() as session:
        session.execute(sa.update(Blob).values(quarantined_at=scene.ports.clock.now()))
    worker.start()
    assert scene.end_of(scene.collect()).status == "Success"
    assert (scene.blobs(), scene.objects()) == (0, 0)


def schedules(scene: Scene) -> dict[str, tuple[str, str]]:
    rows = scene.ports.db.rows(sa.select(Schedule.vendor_type, Schedule.cron, Schedule.input, Schedule.deleted))
    return {row.vendor_type: (row.cron, row.input.get("sample", "")) for row in rows if not row.deleted}
