"""What the workflow tests act on: content with and without references, collections, and what is left afterwards."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from app.artifacts.models import Repository, RepositoryBlob
from app.artifacts.repositories import ensure_repository
from app.context import Context, Ports
from app.core import ids
from app.db import gate
from app.db.types import clock_ms
from app.garbage.service import GarbageParameters, GarbageService
from app.jobs.contracts import FINAL
from app.jobs.service import ExecutionRef, JobService
from app.projects.models import Project
from app.storage.models import Blob, ZeroReference

PATIENCE = 60.0


def eventually(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until the condition holds; AssertionError with ``what`` when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An installation as the tests of background work see it."""

    ports: Ports
    ctx: Context

    @property
    def garbage(self) -> GarbageService:
        """The use cases of garbage collection, as the product itself."""
        return GarbageService(self.ctx)

    def leave_unreferenced(self, count: int, size: int = 1000, repository: str = "public/scrap") -> list[str]:
        """Put objects on disk with blobs that a repository holds and no artifact refers to; returns their keys."""
        keys = [ids.object_key() for _ in range(count)]
        for key in keys:
            writer = self.ports.storage.append(key, 0)
            writer.write(memoryview(key.encode().ljust(size, b".")))
            writer.close()
            self.ports.storage.finish(key, size)
        with self.ctx.write() as session:
            project = session.execute(
                sa.select(Project.id).where(Project.name == repository.partition("/")[0])
            ).scalar_one()
            now = self.ports.clock.now()
            repository_id = ensure_repository(session, project_id=project, name=repository, now=now)
            blobs = [
                {"digest": f"sha256:{key[6:]:0>64}", "key": key, "size": size, "creation_time": now} for key in keys
            ]
            made = session.execute(sa.insert(Blob).returning(Blob.id), blobs).scalars().all()
            held = [{"repository_id": repository_id, "blob_id": blob_id} for blob_id in made]
            session.execute(sa.insert(RepositoryBlob), held)
            session.execute(sa.insert(ZeroReference), held)
        return keys

    def age(self, seconds: float) -> None:
        """Let the queue and the pushers' claims look that much older."""
        with self.ctx.write() as session:
            earlier = ZeroReference.since - int(seconds * 1000)
            session.execute(
                sa.update(ZeroReference).values(since=earlier), execution_options={"synchronize_session": False}
            )
            claims = sa.update(Blob).values(claimed_until=Blob.claimed_until - int(seconds * 1000))
            session.execute(claims, execution_options={"synchronize_session": False})

    def claim(self, keys: list[str], seconds: float) -> None:
        """Claim these blobs, as a pusher would."""
        with self.ctx.write() as session:
            claims = sa.update(Blob).where(Blob.key.in_(keys)).values(claimed_until=clock_ms() + int(seconds * 1000))
            session.execute(claims, execution_options={"synchronize_session": False})

    def objects(self) -> int:
        """Objects on disk."""
        root: Path = self.ports.settings.storage.path
        return sum(1 for path in root.rglob("*") if path.is_file())

    def blobs(self) -> int:
        """Blobs in the database."""
        return int(self.ports.db.rows(sa.select(sa.func.count()).select_from(Blob))[0][0])

    def repositories(self) -> list[str]:
        """Their names."""
        return [row.name for row in self.ports.db.rows(sa.select(Repository.name).order_by(Repository.name))]

    def collect(self, **parameters: bool | int) -> int:
        """Ask for a collection."""
        return self.garbage.run(GarbageParameters(**parameters))  # type: ignore[arg-type]

    def execution(self, execution_id: int) -> ExecutionRef:
        """An execution as it stands."""
        return JobService(self.ctx).execution(execution_id)

    def end_of(self, execution_id: int, seconds: float = PATIENCE) -> ExecutionRef:
        """The execution once it has ended."""
        eventually(lambda: self.execution(execution_id).status in FINAL, f"the end of {execution_id}", seconds)
        return self.execution(execution_id)

    def gate(self) -> gate.GateState:
        """What the write gate says."""
        with self.ports.db.read() as session:
            return gate.state(session)
