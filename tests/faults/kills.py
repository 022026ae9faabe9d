"""``kill -9`` of one process of an installation at a moment that was seen to be the wanted one."""

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from app.db.database import Database
from app.db.gate import WriteGate
from app.db.types import clock_ms
from app.storage.models import DELETING, Blob, Upload
from app.storage.sessions import LEASE_MS
from tests.faults.client import WINDOW, Client, StartAgainError, Way
from tests.faults.pushers import ImageMaker
from tests.faults.record import Promise, PushedManifest
from tests.faults.wire import Underway
from tests.support.blobs import content_of, digest_of
from tests.support.instance import Instance

_SECONDS: Final = 40.0
_BLOB_BYTES: Final = 600_000
_FIRST_BYTES: Final = 200_000
"""Of each blob, in a PATCH of their own that is acknowledged before anything is killed."""
_LEASE_SECONDS: Final = LEASE_MS / 1000 + 1
_COMMIT_SECONDS: Final = 0.03
"""What the registry needs from a body's last byte to its answer, about: a kill comes at a random point of it."""
_COLLECT_SECONDS: Final = 0.4
_COLLECTIONS: Final = 4


class Kill(StrEnum):
    """Which process, and when."""

    PATCH = "web process during PATCH"
    PUT = "web process during PUT"
    PUT_COMMIT = "web process at the commit of PUT"
    MANIFEST = "web process during manifest PUT"
    MANIFEST_COMMIT = "web process at the commit of manifest PUT"
    MASTER = "gunicorn's master during PATCH"
    WORKER = "worker during GC"
    WORKER_DELETING = "worker while GC deletes"
    TEMPORAL = "Temporal during GC"
    TEMPORAL_DELETING = "Temporal while GC deletes"


_GC: Final = {
    Kill.WORKER: "workflows.worker",
    Kill.WORKER_DELETING: "workflows.worker",
    Kill.TEMPORAL: "server start-dev",
    Kill.TEMPORAL_DELETING: "server start-dev",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """A session whose owner was killed in the middle of a body."""

    location: str
    content: bytes
    resumable_at: float
    """On the monotonic clock: when the dead owner's lease is over."""


class Killer:
    """Sends requests of its own, kills in the middle of them, and goes on as a client would."""

    def __init__(self, instance: Instance, database: Database, client: Client, repository: str) -> None:
        self._instance = instance
        self._database = database
        self._client = client
        self._repository = repository
        self._images = ImageMaker(repository, "killer", 99)
        self._random = random.Random(4)
        self._interrupted: list[Interrupted] = []
        self.killed_at = 0.0
        """When the last kill was, on the monotonic clock."""

    def kill(self, kind: Kill) -> None:
        """Kill, and finish what was interrupted."""
        if kind in _GC:
            self._while_collecting(kind)
        elif kind in (Kill.MANIFEST, Kill.MANIFEST_COMMIT):
            self._during_manifest(kind)
        else:
            self._during_blob(kind)
        self._client.record.count(kind)

    def _during_blob(self, kind: Kill) -> None:
        content = content_of(_BLOB_BYTES, self._random.randrange(1 << 30))
        began = time.monotonic()
        location = self._client.begin(self._repository)
        first = self._client.request("PATCH", location, content=content[:_FIRST_BYTES])
        assert first.headers["Range"] == f"0-{_FIRST_BYTES - 1}"
        patch = kind in (Kill.PATCH, Kill.MASTER)
        target = location if patch else f"{location}?digest={digest_of(content)}"
        with Underway(self._instance, "PATCH" if patch else "PUT", target, body=content[_FIRST_BYTES:]) as request:
            if kind is Kill.PUT_COMMIT:
                request.send(_BLOB_BYTES - _FIRST_BYTES - 1)
            else:
                request.send(_BLOB_BYTES // 2 - _FIRST_BYTES)
                self._wait_until(lambda: self._arrived(location, _BLOB_BYTES // 2), "half of the body arrived")
            victim = self._instance.pids("gunicorn")[0] if kind is Kill.MASTER else request.served_by()
            if kind is Kill.PUT_COMMIT:
                request.send()
                time.sleep(self._random.uniform(0, _COMMIT_SECONDS))
            self._end(victim, "gunicorn")
            answer = request.answer() if kind is Kill.PUT_COMMIT else None
        if answer is None:
            self._finish(location, content)
        else:
            self._client.record.count("commits that were answered before the kill")
            assert answer[0] == 201, answer
            self._acknowledge(content, began)

    def _finish(self, location: str, content: bytes) -> None:
        """Go on at once when the session was finished or is free; begin again while its dead owner's lease lasts."""
        began = time.monotonic()
        try:
            self._client.resume(location, content)
            self._client.record.count("uploads resumed at once")
        except StartAgainError:
            resumable_at = began + _LEASE_SECONDS
            self._interrupted.append(Interrupted(location=location, content=content, resumable_at=resumable_at))
            began = time.monotonic()
            self._client.resume(self._client.begin(self._repository), content)
            self._client.record.count("uploads begun again")
        self._acknowledge(content, began)

    def resume_interrupted(self, *, wait: bool = False) -> None:
        """Resume the sessions whose owner was killed and whose lease is over: nothing acknowledged may be missing."""
        for upload in list(self._interrupted):
            left = upload.resumable_at - time.monotonic()
            if left > 0 and not wait:
                continue
            time.sleep(max(0, left))
            began = time.monotonic()
            status = self._client.request("GET", upload.location)
            last = int(status.headers["Range"].removeprefix("0-"))
            if last < _FIRST_BYTES - 1:
                self._client.record.breach(f"an upload lost acknowledged bytes: {last + 1} of {_FIRST_BYTES} are left")
            self._client.resume(upload.location, upload.content)
            self._client.record.count("uploads resumed after the lease")
            self._acknowledge(upload.content, began)
            self._interrupted.remove(upload)

    def _acknowledge(self, content: bytes, began: float) -> None:
        path = f"/v2/{self._repository}/blobs/{digest_of(content)}"
        self._client.record.has(Promise(path=path, until=began + WINDOW))

    def push(self) -> None:
        """Push one image whole, as a client would."""
        manifest, contents = self._images.make()
        self._push_blobs(manifest.repository, contents)
        self._client.push_manifest(manifest)

    def _during_manifest(self, kind: Kill) -> None:
        manifest, contents = self._images.make()
        self._push_blobs(manifest.repository, contents)
        target = f"/v2/{manifest.repository}/manifests/{manifest.tag}"
        length = f"Content-Length: {len(manifest.body)}"
        kept = f"Content-Type: {manifest.media_type}"
        with Underway(self._instance, "PUT", target, kept, length, body=manifest.body) as request:
            request.send(len(manifest.body) // 2 if kind is Kill.MANIFEST else len(manifest.body) - 1)
            victim = request.served_by()
            if kind is Kill.MANIFEST_COMMIT:
                request.send()
                time.sleep(self._random.uniform(0, _COMMIT_SECONDS))
            self._end(victim, "gunicorn")
            answer = request.answer() if kind is Kill.MANIFEST_COMMIT else None
        if answer is not None:
            self._client.record.count("commits that were answered before the kill")
            self._client.take_answer(manifest, answer[0], answer[1].decode())
        else:
            self._push_again(manifest, contents)

    def _push_again(self, manifest: PushedManifest, contents: list[bytes]) -> None:
        try:
            self._client.push_manifest(manifest)
        except StartAgainError:
            self._push_blobs(manifest.repository, contents)
            self._client.push_manifest(manifest)

    def _push_blobs(self, repository: str, contents: list[bytes]) -> None:
        for content in contents:
            self._client.push_blob(repository, content, Way.MONOLITHIC)

    def _while_collecting(self, kind: Kill) -> None:
        program = _GC[kind]
        deleting = kind in (Kill.WORKER_DELETING, Kill.TEMPORAL_DELETING)
        for _ in range(_COLLECTIONS):
            self.collect()
            seen = self._seen_deleting if deleting else self._seen_leased
            if seen():
                if not deleting:
                    time.sleep(self._random.uniform(0, _COLLECT_SECONDS))
                self._end(self._instance.pids(program)[0], program)
                return
        raise AssertionError(f"no collection was caught at work: {kind}")

    def collect(self) -> str:
        """Ask for a collection and return its location."""
        parameters = {"workers": self._random.choice([1, 1, 3]), "delete_untagged": True}
        wanted = {"schedule": {"type": "Manual"}, "parameters": parameters}
        answer = self._client.request("POST", "/api/v2.0/system/gc/schedule", json=wanted)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["Location"])

    def leased(self) -> bool:
        """Whether a collection holds the registry read-only now."""
        return bool(self._database.rows(_LEASED))

    def _seen_leased(self) -> bool:
        return self._soon(self.leased)

    def _seen_deleting(self) -> bool:
        return self._soon(lambda: bool(self._database.rows(_DELETING)))

    def _arrived(self, location: str, size: int) -> bool:
        rows = self._database.rows(_UPLOAD, {"id": location.rpartition("/")[2]})
        path = self._instance.folder / "blobs" / rows[0].key
        return rows[0].lease_holder is not None and path.exists() and path.stat().st_size >= size

    def _end(self, pid: int, program: str) -> None:
        """Kill, and wait until the supervisor put another in its place."""
        before = self._instance.pids(program)
        assert pid in before
        os.kill(pid, signal.SIGKILL)
        self.killed_at = time.monotonic()
        spared = set() if pid == before[0] else set(before) - {pid}
        self._wait_until(
            lambda: len(now := self._instance.pids(program)) == len(before) and set(before) & set(now) == spared,
            f"{program} is started again",
        )

    def _soon(self, happens: Callable[[], bool], seconds: float = 8.0) -> bool:
        deadline = time.monotonic() + seconds
        while not (happened := happens()) and time.monotonic() < deadline:
            time.sleep(0.001)
        return happened

    def _wait_until(self, happens: Callable[[], bool], what: str) -> None:
        assert self._soon(happens, _SECONDS), f"not within {_SECONDS:.0f} s: {what}"


_LEASED = sa.select(WriteGate.fence).where(WriteGate.expires_at > clock_ms())
_DELETING = sa.select(Blob.id).where(Blob.state == DELETING).limit(1)
_UPLOAD = sa.select(Upload.key, Upload.lease_holder).where(Upload.id == sa.bindparam("id"))
