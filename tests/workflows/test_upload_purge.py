"""The purge of upload sessions: what goes, what stays, and that it is on a schedule."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from temporalio.client import Client

from app.core import ids
from app.garbage.contracts import UPLOAD_PURGE_JOB, PurgeInput
from app.jobs.contracts import Trigger
from app.jobs.models import Execution
from app.jobs.service import JobService
from app.storage.models import Blob, Upload
from app.storage.sessions import Entry, UploadSession, insert
from tests.support.people import People
from tests.support.worker import WorkerProcess
from tests.workflows.scene import Scene, eventually

pytestmark = pytest.mark.temporal


def begin(scene: Scene, content: bytes = b"some bytes") -> UploadSession:
    """An upload session with bytes on disk."""
    upload = UploadSession(
        id=ids.session_id(),
        repository="public/app",
        project_id=1,
        key=ids.object_key(),
        offset=len(content),
        algorithm="sha256",
        hash_state=None,
        digest=None,
    )
    earlier = scene.ports.clock.now() - timedelta(hours=2)
    with scene.ports.db.write() as session:
        insert(session, upload, Entry(account="user:1", now=earlier))
    writer = scene.ports.storage.append(upload.key, 0)
    writer.write(memoryview(content))
    writer.close()
    return upload


def change(scene: Scene, upload: UploadSession, age: timedelta, **values: object) -> None:
    """Make the session look that old."""
    values["update_time"] = scene.ports.clock.now() - age
    with scene.ctx.write() as session:
        session.execute(sa.update(Upload).where(Upload.id == upload.id).values(values))


def sessions(scene: Scene) -> set[str]:
    return {row.id for row in scene.ports.db.rows(sa.select(Upload.id))}


def test_only_what_nobody_continues_goes(scene: Scene, people: People, worker: WorkerProcess) -> None:
    young, expired, finished, fresh, lost, owned = (begin(scene) for _ in range(6))
    change(scene, expired, timedelta(days=8))
    change(scene, finished, timedelta(minutes=11), digest="sha256:" + "a" * 64)
    change(scene, fresh, timedelta(minutes=9), digest="sha256:" + "b" * 64)
    change(scene, lost, timedelta(minutes=11), digest="sha256:" + "a" * 64)
    change(scene, owned, timedelta(days=8), lease_holder="somebody", lease_until=2**50)
    stray = scene.leave_unreferenced(1)
    with scene.ctx.write() as session:
        now = scene.ports.clock.now()
        session.add(Blob(digest="sha256:" + "a" * 64, key=finished.key, size=10, creation_time=now))
        session.execute(sa.update(Blob).where(Blob.key.in_(stray)).values(state="deleting"))
        session.execute(sa.text("DELETE FROM repository_blob"))
    worker.start()

    service = JobService(scene.ctx)
    asked = service.start(UPLOAD_PURGE_JOB, PurgeInput(), trigger=Trigger.MANUAL)
    ended = scene.end_of(asked)

    assert (ended.status, ended.status_message) == ("Success", "3 upload sessions and 1 lost objects purged")
    assert sessions(scene) == {young.id, fresh.id, owned.id}
    assert scene.objects() == 4


def test_it_is_on_a_schedule(scene: Scene, people: People, worker: WorkerProcess) -> None:
    expired = begin(scene)
    change(scene, expired, timedelta(days=8))
    worker.start()
    settings = scene.ports.settings.temporal

    async def trigger() -> None:
        client = await Client.connect(settings.address, namespace=settings.namespace)
        await client.get_schedule_handle("schedule-SYSTEM_ARTIFACT_CLEANUP-0").trigger()

    eventually(lambda: _synced(scene), "the schedule")
    asyncio.run(trigger())

    eventually(lambda: not sessions(scene), "the purge")
    row = scene.ports.db.rows(sa.select(Execution.id, Execution.trigger))[0]
    assert row.trigger == "SCHEDULE"
    assert scene.end_of(row.id).status == "Success"


def _synced(scene: Scene) -> bool:
    rows = scene.ports.db.rows(sa.text("SELECT generation, synced_generation FROM schedule"))
    return bool(rows) and all(row.generation == row.synced_generation for row in rows)
