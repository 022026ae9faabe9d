"""``kill -9`` again and again while clients push and delete: what was acknowledged stays, and writes come back.

``PYHARBOR_KILL_ROUNDS`` makes it more kills: ``make kills``.
"""

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import sqlalchemy as sa

from app.core.errors import FenceLost
from app.db.database import Database
from app.garbage.contracts import GARBAGE_COLLECTION
from app.jobs.contracts import Status
from app.jobs.models import Execution
from tests.faults import soundness
from tests.faults.client import WINDOW, Client
from tests.faults.conftest import create_project
from tests.faults.kills import Kill, Killer
from tests.faults.pushers import Pushers
from tests.faults.record import PushedManifest, Record
from tests.support.blobs import digest_of
from tests.support.instance import Instance
from tests.support.postgres import Cluster

pytestmark = [pytest.mark.temporal, pytest.mark.slow]
_ROUNDS = int(os.environ.get("PYHARBOR_KILL_ROUNDS", str(len(Kill))))
"""On each database; as many as there are kinds of kills are each kind once."""
_LEASE_SECONDS = 5
_SETTINGS = {
    "HARBOR_GC_TIME_WINDOW": f"{WINDOW:.0f}s",
    "HARBOR_GC_LEASE": f"{_LEASE_SECONDS}s",
    "HARBOR_LOG_ACCESS": "false",
}
_WRITES_SECONDS = 2 * _LEASE_SECONDS + 10
"""The lease, and one more for a worker that came back within it and carried the collection to its end."""
_ENDED_SECONDS = 240
_TIMEOUT = 500 + 15 * _ROUNDS
_UNSUCCESSFUL = sa.select(Execution.id, Execution.status, Execution.status_message).where(
    Execution.vendor_type == GARBAGE_COLLECTION.vendor, Execution.status != Status.SUCCESS
)
_RIGHTLY_ENDED = {
    (Status.ERROR, FenceLost().message),
    (Status.STOPPED, "another garbage collection is running"),
}
Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Print past pytest's capture: the figures are worth seeing when all is well."""

    def shown(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    return shown


@pytest.mark.timeout(_TIMEOUT)
def test_nothing_acknowledged_is_lost(
    start: Callable[..., Instance], look: Callable[[Instance], Database], say: Say
) -> None:
    instance = start(**_SETTINGS)
    Loop(instance, look(instance), say).run(rounds=_ROUNDS)


@pytest.mark.postgres
@pytest.mark.timeout(_TIMEOUT)
def test_nothing_acknowledged_is_lost_on_postgresql(
    start: Callable[..., Instance], look: Callable[[Instance], Database], say: Say, postgres_cluster: Cluster
) -> None:
    instance = start(**_SETTINGS, HARBOR_DATABASE_URL=postgres_cluster.url(postgres_cluster.create()))
    Loop(instance, look(instance), say).run(rounds=_ROUNDS)


class Loop:
    """Rounds of one kill each on one installation, with everything checked after each round and at the end."""

    def __init__(self, instance: Instance, database: Database, say: Say) -> None:
        self._instance = instance
        self._database = database
        self._say = say
        self._record = Record()
        project = create_project(instance)
        self._repositories = [f"{project}/{name}" for name in ("app", "web", "tools")]
        self._slowest = 0.0
        self._seconds = dict.fromkeys(Kill, 0.0)

    def run(self, rounds: int) -> None:
        """Kill that often, in turn, and hold the installation to what it acknowledged."""
        began = time.monotonic()
        with self._client() as client:
            killer = Killer(self._instance, self._database, client, self._repositories[0])
            pushers = Pushers(self._instance, self._record, self._repositories)
            pushers.start()
            try:
                for kind in itertools.islice(itertools.cycle(Kill), rounds):
                    self._round(killer, client, kind)
            finally:
                pushers.stop()
            seconds = time.monotonic() - began
            killer.resume_interrupted(wait=True)
            self._check_promises(client)
            self._wait_for_collections(client)
            self._check_everything(client)
            self._collect_the_rest(killer, client)
            killer.push()
            self._check_everything(client)
            self._check_collections()
        self._summarise(rounds, seconds)
        assert self._record.broken == []

    def _round(self, killer: Killer, client: Client, kind: Kill) -> None:
        began = time.monotonic()
        killer.kill(kind)
        self._wait_for_writes(killer)
        killer.resume_interrupted()
        self._check_promises(client)
        for manifest in self._record.manifests(new=True):
            self._check_manifest(client, manifest)
        self._seconds[kind] += time.monotonic() - began
        broken = "\n".join(self._record.broken)
        assert not broken, f"after the kill of the {kind}:\n{broken}"

    def _wait_for_writes(self, killer: Killer) -> None:
        while killer.leased():
            assert time.monotonic() - killer.killed_at < _WRITES_SECONDS, "writes did not come back"
            time.sleep(0.05)
        with self._instance.client() as client:
            while True:
                try:
                    answer = client.post(f"/v2/{self._repositories[0]}/blobs/uploads/")
                except httpx.TransportError:
                    continue
                if answer.status_code == 202:
                    break
                assert time.monotonic() - killer.killed_at < _WRITES_SECONDS, answer.text
        self._slowest = max(self._slowest, time.monotonic() - killer.killed_at)

    def _check_promises(self, client: Client) -> None:
        for promise in self._record.promises():
            answer = client.request("GET", promise.path)
            self._judge(answer, promise.path, self._record.is_promised(promise.path))

    def _check_manifest(self, client: Client, manifest: PushedManifest) -> None:
        for path in [manifest.path, *manifest.needs]:
            self._judge(client.request("GET", path), path, self._record.is_standing(manifest))
        if manifest.tag:
            tagged = client.request("GET", f"/v2/{manifest.repository}/manifests/{manifest.tag}")
            self._judge(tagged, manifest.path, self._record.is_standing(manifest))

    def _judge(self, answer: httpx.Response, path: str, expected: bool) -> None:
        """Missing is fine when it may be gone by now; wrong never is."""
        digest = path.rpartition("/")[2]
        if answer.status_code != 200:
            if expected:
                self._record.breach(f"lost: {path} ({answer.status_code} {answer.text[:200]})")
        elif digest_of(answer.content) != digest:
            self._record.breach(f"other content: {path}")

    def _check_everything(self, client: Client) -> None:
        for manifest in self._record.manifests():
            self._check_manifest(client, manifest)
        for manifest in self._record.deleted():
            answer = client.request("GET", manifest.path)
            if answer.status_code != 404:
                self._record.breach(f"deleted and there again: {manifest.path} ({answer.status_code})")
        for fault in soundness.faults(self._database, self._instance.folder / "blobs"):
            self._record.breach(fault)

    def _check_collections(self) -> None:
        """One whose lease ran out stops at the fence, one that finds another at work stands back; no other may fail."""
        for row in self._database.rows(_UNSUCCESSFUL):
            if (row.status, row.status_message) not in _RIGHTLY_ENDED:
                self._record.breach(f"collection {row.id} ended as {row.status}: {row.status_message}")

    def _wait_for_collections(self, client: Client) -> None:
        deadline = time.monotonic() + _ENDED_SECONDS
        while states := [each for each in self._collections(client) if each in {"Pending", "Running"}]:
            assert time.monotonic() < deadline, f"collections did not end: {states}"
            time.sleep(0.5)

    def _collections(self, client: Client) -> list[str]:
        answer = client.request("GET", "/api/v2.0/system/gc", params={"page_size": 100})
        return [each["job_status"] for each in answer.json()]

    def _collect_the_rest(self, killer: Killer, client: Client) -> None:
        """A collection after all the kills works, and frees what nothing holds."""
        time.sleep(WINDOW)
        path = killer.collect()
        self._wait_for_collections(client)
        assert client.request("GET", path).json()["job_status"] == "Success"

    def _summarise(self, rounds: int, seconds: float) -> None:
        counts = self._record.counts
        with self._client() as client:
            states = Counter(self._collections(client))
        lines = [
            f"{rounds} rounds in {seconds:.0f} s, writes back after at most {self._slowest:.1f} s",
            *(f"{counts[kind]:6} kills of the {kind}, {self._seconds[kind]:.0f} s" for kind in Kill),
            *(f"{count:6} {what}" for what, count in sorted(counts.items()) if what not in set(Kill)),
            *(f"{count:6} collections ended as {state}" for state, count in states.items()),
            f"{len(self._record.manifests()):6} manifests standing at the end",
            f"{len(self._record.broken):6} lost or wrong",
            *self._record.broken[:20],
        ]
        self._say("\n" + "\n".join(lines))

    @contextmanager
    def _client(self) -> Iterator[Client]:
        client = Client(self._instance, self._record)
        try:
            yield client
        finally:
            client.close()
