"""The pull buffer: written in batches, by a thread of its own, and never in the way of a pull."""

import threading
import time

import pytest
import sqlalchemy as sa

from app.artifacts import pulls
from app.artifacts.models import Artifact, Repository, Tag
from app.artifacts.pulls import PullBuffer
from app.audit.models import AuditLog
from app.context import Context, Ports
from app.core.errors import UnavailableError
from app.events.content import ArtifactPulled
from tests.support.accounts import make_project, make_user
from tests.support.queries import counted_statements


@pytest.fixture
def pulled(ports: Ports, ctx: Context) -> ArtifactPulled:
    """The pull of an artifact that exists."""
    make_user(ports, "root", sysadmin=True)
    project = make_project(ports, "team")
    now = ports.clock.now()
    with ctx.write() as session:
        repository = Repository(project_id=project, name="team/app", creation_time=now, update_time=now)
        session.add(repository)
        session.flush()
        artifact = Artifact(
            project_id=project,
            repository_id=repository.id,
            digest="sha256:0",
            kind="IMAGE",
            manifest_media_type="a/b",
            size=1,
            manifest_size=1,
            push_time=now,
        )
        session.add(artifact)
        session.flush()
        session.add(Tag(repository_id=repository.id, artifact_id=artifact.id, name="v1", push_time=now))
    return ArtifactPulled(
        project_id=project, repository="team/app", artifact_id=artifact.id, digest="sha256:0", tag="v1", operator=""
    )


def counted(ctx: Context) -> tuple[int, int]:
    with ctx.read() as session:
        pull_count = session.execute(sa.select(Repository.pull_count)).scalar_one()
        rows = session.execute(sa.select(sa.func.count()).where(AuditLog.operation == "pull")).scalar_one()
    return pull_count, rows


def wait_for(ctx: Context, expected: tuple[int, int]) -> None:
    deadline = time.monotonic() + 10
    while counted(ctx) != expected:
        assert time.monotonic() < deadline, counted(ctx)
        time.sleep(0.05)


def test_the_thread_starts_with_the_first_pull_and_writes_within_a_second(
    ports: Ports, ctx: Context, pulled: ArtifactPulled
) -> None:
    buffer = PullBuffer()
    buffer.start(ports)
    before = threading.active_count()
    buffer.add(pulled)
    assert threading.active_count() == before + 1
    wait_for(ctx, (1, 1))
    buffer.add(pulled)
    wait_for(ctx, (2, 2))
    buffer.close()
    assert threading.active_count() == before


def test_many_pulls_are_few_statements(ports: Ports, ctx: Context, pulled: ArtifactPulled) -> None:
    buffer = PullBuffer()
    for _ in range(1200):
        buffer.add(pulled)
    with counted_statements(ports.db) as statements:
        assert buffer.flush(ctx) == 1200
    assert len(statements) < 60
    assert counted(ctx) == (1200, 1200)
    with ctx.read() as session:
        wrote = sa.select(AuditLog.username, AuditLog.resource).where(AuditLog.operation == "pull").distinct()
        assert [tuple(row) for row in session.execute(wrote)] == [("anonymous", "team/app:v1")]


def test_the_end_of_the_process_writes_what_is_left(ports: Ports, ctx: Context, pulled: ArtifactPulled) -> None:
    buffer = PullBuffer()
    buffer.start(ports)
    for _ in range(3):
        buffer.add(pulled)
    buffer.close()
    assert counted(ctx) == (3, 3)


def test_what_cannot_be_written_now_is_kept(
    ports: Ports, ctx: Context, pulled: ArtifactPulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = PullBuffer()
    buffer.add(pulled)
    with monkeypatch.context() as patch:
        patch.setattr(type(ports.db), "write", _fail)
        with pytest.raises(UnavailableError):
            buffer.flush(ctx)
    assert buffer.flush(ctx) == 1
    assert counted(ctx) == (1, 1)


def test_the_buffer_is_bounded(ctx: Context, pulled: ArtifactPulled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulls, "_BOUND", 10)
    buffer = PullBuffer()
    for _ in range(25):
        buffer.add(pulled)
    assert buffer.flush(ctx) == 10


def test_a_pull_of_what_is_gone_harms_nobody(ctx: Context, pulled: ArtifactPulled) -> None:
    buffer = PullBuffer()
    buffer.add(pulled)
    with ctx.write() as session:
        session.execute(sa.delete(Tag))
        session.execute(sa.delete(Artifact))
        session.execute(sa.delete(Repository))
    assert buffer.flush(ctx) == 1


def _fail(*_: object, **__: object) -> None:
    raise UnavailableError
