"""Small blobs that come whole: what they cost, and that nothing is lost or left when something comes in between."""

import json
import threading
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts import quarantine, small_blobs
from app.artifacts.blobs import BlobService
from app.context import Context, Ports
from app.core.errors import StorageFull
from app.db.database import Database
from app.db.group_commit import GroupCommit
from app.garbage.contracts import UPLOAD_PURGE_JOB, PurgeInput
from app.garbage.uploads import UploadPurge
from app.jobs.runs import JobRun
from app.storage.models import Blob, KeyBatch
from tests.protocol.conftest import InProcess
from tests.support.blobs import begin, content_of, digest_of, push
from tests.support.clock import MovableClock
from tests.support.manifests import CONFIG, image, push_manifest
from tests.support.queries import counted_statements

NAME = "library-test/app"
CONTENT = content_of(1000)
DIGEST = digest_of(CONTENT)


def files(ports: Ports) -> list[str]:
    root = ports.settings.storage.path
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def keys(ports: Ports) -> list[str]:
    return sorted(row.key for row in ports.db.rows(sa.select(Blob.key)))


def batches(ports: Ports) -> int:
    return len(ports.db.rows(sa.select(KeyBatch.id)))


def purge(ctx: Context) -> None:
    run = JobRun(ctx, "upload-purge-0-1-abcdefgh", UPLOAD_PURGE_JOB.workflow)
    assert UploadPurge(run, PurgeInput()).run(lambda: True).done


@pytest.mark.parametrize("size", [0, 1, 1024, small_blobs.SMALL, small_blobs.SMALL + 1])
@pytest.mark.parametrize("way", ["PUT", "POST"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_every_way_and_size(pusher: httpx.Client, ports: Ports, size: int, way: str, algorithm: str) -> None:
    content = content_of(size)
    digest = digest_of(content, algorithm)
    if way == "POST":
        answer = pusher.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": digest}, content=content)
    else:
        answer = pusher.put(begin(pusher, NAME), params={"digest": digest}, content=content)
    assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, digest)
    assert pusher.get(f"/v2/{NAME}/blobs/{digest}").content == content
    assert files(ports) == keys(ports)
    assert batches(ports) == int(size <= small_blobs.SMALL)


def test_keys_come_from_one_batch(pusher: httpx.Client, ports: Ports, clock: MovableClock) -> None:
    for seed in range(3):
        push(pusher, NAME, content_of(100, seed))
    assert (batches(ports), len({Path(each).parent for each in files(ports)})) == (1, 1)
    clock.forward(11 * 60)
    push(pusher, NAME, content_of(100, 3))
    assert batches(ports) == 2


def test_a_statement_for_everything_and_one_transaction_for_each_blob(
    pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole image of one layer; the first one makes the repository, the batch of keys, and the plans."""
    written: list[bool] = []
    write, note = Database.write, Database.note

    def noted_write(database: Database, *, durable: bool = True) -> object:
        written.append(durable)
        return write(database, durable=durable)

    def noted_note(*args: object) -> object:
        written.append(False)
        return note(*args)  # type: ignore[arg-type]  # handed on

    for seed in range(3):
        _push_as_clients_do(pusher, seed)
    monkeypatch.setattr(Database, "write", noted_write)
    monkeypatch.setattr(Database, "note", noted_note)
    with counted_statements(ports.db) as statements:
        _push_as_clients_do(pusher, 3)
    assert written == [True, True, True]
    authentication = 7 * 3
    assert len(statements) - authentication <= (47 if ports.db.sqlite else 50)


def _push_as_clients_do(client: httpx.Client, seed: int) -> None:
    layer = content_of(1024, seed)
    for content in (layer, CONFIG + b" " * seed):
        assert client.head(f"/v2/{NAME}/blobs/{digest_of(content)}").status_code == 404
        push(client, NAME, content)
    document = json.loads(image(layer))
    document["config"] = document["config"] | {"digest": digest_of(CONFIG + b" " * seed), "size": len(CONFIG) + seed}
    push_manifest(client, NAME, json.dumps(document).encode(), f"tag-{seed}")


class TestCrashes:
    def test_what_became_no_blob_goes_with_the_purge(
        self,
        pusher: httpx.Client,
        in_process: InProcess,
        ports: Ports,
        ctx: Context,
        clock: MovableClock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        push(pusher, NAME, content_of(100))
        with monkeypatch.context() as patch:
            patch.setattr(ports.storage.driver.__class__, "delete", lambda *_: False)
            patch.setattr(BlobService, "enter", _die)
            with pytest.raises(KeyboardInterrupt):
                in_process(pusher).put(begin(pusher, NAME), params={"digest": DIGEST}, content=CONTENT)
        assert len(files(ports)) == 2
        clock.forward(50 * 60)
        purge(ctx)
        assert (len(files(ports)), batches(ports)) == (2, 1)
        clock.forward(11 * 60)
        purge(ctx)
        assert (files(ports), batches(ports)) == (keys(ports), 0)
        assert pusher.get(f"/v2/{NAME}/blobs/{digest_of(content_of(100))}").content == content_of(100)

    def test_a_batch_that_the_purge_looks_through_gives_no_blobs(
        self, pusher: httpx.Client, ports: Ports, ctx: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However long a request slept between its object and its transaction: it is tried again under another key."""
        put = type(ports.storage).put

        def closed(*args: object) -> None:
            monkeypatch.setattr(type(ports.storage), "put", put)
            put(*args)  # type: ignore[arg-type]  # handed on
            with ctx.write() as session:
                session.execute(sa.update(KeyBatch).values(closed=True))

        monkeypatch.setattr(type(ports.storage), "put", closed)
        push(pusher, NAME, CONTENT)
        assert pusher.get(f"/v2/{NAME}/blobs/{DIGEST}").content == CONTENT
        assert (files(ports), batches(ports)) == (keys(ports), 2)

    @pytest.mark.parametrize("damaged", [False, True])
    @pytest.mark.parametrize("before", ["comparison", "transaction"])
    def test_what_the_purge_took_heals_nothing(
        self,
        pusher: httpx.Client,
        ports: Ports,
        ctx: Context,
        clock: MovableClock,
        monkeypatch: pytest.MonkeyPatch,
        damaged: bool,
        before: str,
    ) -> None:
        """A machine that slept for an hour in between, or a clock that was set."""
        push(pusher, NAME, CONTENT)
        if damaged:
            (ports.settings.storage.path / files(ports)[0]).write_bytes(b"?" * len(CONTENT))
        look = quarantine.broken_key_or_none

        def slept(*args: object) -> str | None:
            monkeypatch.setattr(small_blobs, "broken_key_or_none", look)
            found = look(*args) if before == "transaction" else None  # type: ignore[arg-type]  # handed on
            clock.forward(61 * 60)
            purge(ctx)
            return found if before == "transaction" else look(*args)  # type: ignore[arg-type]  # handed on

        monkeypatch.setattr(small_blobs, "broken_key_or_none", slept)
        push(pusher, NAME, CONTENT)
        assert pusher.get(f"/v2/{NAME}/blobs/{DIGEST}").content == CONTENT

    def test_a_file_that_cannot_be_written_is_not_left(
        self, pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put = type(ports.storage).put

        def refused(*args: object) -> None:
            put(*args)  # type: ignore[arg-type]  # handed on
            raise StorageFull

        monkeypatch.setattr(type(ports.storage), "put", refused)
        assert pusher.put(begin(pusher, NAME), params={"digest": DIGEST}, content=CONTENT).status_code == 503
        assert files(ports) == []

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_a_commit_that_may_last_keeps_its_object(
        self, pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        push(pusher, NAME, content_of(10))
        location = begin(pusher, NAME)
        with monkeypatch.context() as patch:
            patch.setattr(GroupCommit, "wait", _refuse)
            for _ in range(2):
                assert pusher.put(location, params={"digest": DIGEST}, content=CONTENT).status_code == 503
        assert pusher.get(f"/v2/{NAME}/blobs/{DIGEST}").content == CONTENT
        assert pusher.put(location, params={"digest": DIGEST}, content=CONTENT).status_code == 201


def test_equal_ones_at_once_leave_one(pusher: httpx.Client, ports: Ports) -> None:
    start = threading.Barrier(6)

    def one() -> None:
        start.wait()
        push(pusher, NAME, CONTENT)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(ports) == keys(ports)
    assert len(files(ports)) == 1


def test_too_many_at_once_take_the_way_of_large_ones(pusher: httpx.Client, ports: Ports) -> None:
    while ports.small_bodies.take(1024 * 1024):
        pass
    push(pusher, NAME, CONTENT)
    assert (files(ports), batches(ports)) == (keys(ports), 0)


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def _refuse(*_: object) -> None:
    raise StorageFull
