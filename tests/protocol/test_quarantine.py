"""Damaged blobs through the front door: nobody gets them, and a push of the content heals them for everybody."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest
import sqlalchemy as sa

from app.access.roles import Role
from app.context import Context, Ports
from app.core.errors import StorageFull
from app.db import gate
from app.garbage.contracts import UPLOAD_PURGE_JOB, PurgeInput
from app.garbage.uploads import UploadPurge
from app.jobs.runs import JobRun
from app.projects.models import Project
from app.storage.driver import StorageDriver
from app.storage.models import Blob, Upload
from tests.protocol.conftest import Connect
from tests.support.accounts import make_project, make_user
from tests.support.blobs import SESSIONS, content_of, digest_of, push
from tests.support.clock import MovableClock
from tests.support.contents import code_of
from tests.support.manifests import CONFIG, image, push_manifest, put

NAME, OTHER = "library-test/app", "neighbour/app"
CONTENT = content_of(50_000)
DIGEST = digest_of(CONTENT)
WHERE = f"/v2/{NAME}/blobs/{DIGEST}"


@pytest.fixture
def neighbour(pusher: httpx.Client, connect: Connect, ports: Ports) -> httpx.Client:
    """A maintainer of another project, which pushed the same content later."""
    person = make_user(ports, "neighbour")
    make_project(ports, "neighbour", members={person: Role.MAINTAINER})
    client = connect(person)
    push(pusher, NAME, CONTENT)
    push(client, OTHER, CONTENT)
    return client


def file_of(ports: Ports, digest: str = DIGEST) -> Path:
    key: str = ports.db.rows(sa.select(Blob.key).where(Blob.digest == digest))[0].key
    return ports.settings.storage.path / key


def files(ports: Ports) -> list[Path]:
    return [path for path in ports.settings.storage.path.rglob("*") if path.is_file()]


def quarantined(ports: Ports, digest: str = DIGEST) -> bool:
    return ports.db.rows(sa.select(Blob.quarantined_at).where(Blob.digest == digest))[0].quarantined_at is not None


def spoil(path: Path) -> None:
    """Another byte, the same length."""
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)


def set_apart(ports: Ports, ctx: Context, digest: str = DIGEST) -> None:
    with ctx.write() as session:
        session.execute(sa.update(Blob).where(Blob.digest == digest).values(quarantined_at=ports.clock.now()))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


class TestAnswers:
    def test_another_length_sets_it_apart(self, pusher: httpx.Client, ports: Ports) -> None:
        push(pusher, NAME, CONTENT)
        cut(file_of(ports))
        assert pusher.head(WHERE).status_code == 200
        assert pusher.get(WHERE, headers={"If-None-Match": f'"{DIGEST}"'}).status_code == 304

        assert code_of(pusher.get(WHERE)) == (500, "UNKNOWN")

        assert quarantined(ports)
        refused = pusher.get(WHERE)
        assert code_of(refused) == (404, "BLOB_UNKNOWN")
        assert refused.json()["errors"][0]["detail"] == {"digest": DIGEST, "reason": "the stored copy is damaged"}
        assert pusher.head(WHERE).status_code == 404
        assert pusher.get(WHERE, headers={"If-None-Match": f'"{DIGEST}"'}).status_code == 404

    def test_it_is_not_mounted(self, pusher: httpx.Client, ports: Ports, ctx: Context) -> None:
        push(pusher, NAME, CONTENT)
        set_apart(ports, ctx)
        for query in ({"mount": DIGEST, "from": NAME}, {"mount": DIGEST}):
            answer = pusher.post(SESSIONS.format(name="library-test/second"), params=query)
            assert answer.status_code == 202

    def test_a_manifest_cannot_refer_to_it(self, pusher: httpx.Client, ports: Ports, ctx: Context) -> None:
        push(pusher, NAME, CONTENT)
        push(pusher, NAME, CONFIG)
        set_apart(ports, ctx)
        manifest = image(CONTENT)
        refused = put(pusher, NAME, manifest, "one")
        assert code_of(refused) == (400, "MANIFEST_BLOB_UNKNOWN")
        assert refused.json()["errors"][0]["detail"] == {"missing": [DIGEST]}

        push(pusher, NAME, CONTENT)

        assert push_manifest(pusher, NAME, manifest, "one") == digest_of(manifest)

    def test_a_config_with_other_bytes_is_found_by_the_push_that_reads_it(
        self, pusher: httpx.Client, ports: Ports
    ) -> None:
        push(pusher, NAME, CONTENT)
        push(pusher, NAME, CONFIG)
        spoil(file_of(ports, digest_of(CONFIG)))
        manifest = image(CONTENT)
        refused = put(pusher, NAME, manifest, "one")
        assert code_of(refused) == (400, "MANIFEST_BLOB_UNKNOWN")
        assert quarantined(ports, digest_of(CONFIG))

    def test_a_lost_file_sets_it_apart_and_a_lost_volume_does_not(self, pusher: httpx.Client, ports: Ports) -> None:
        push(pusher, NAME, CONTENT)
        other = push(pusher, NAME, content_of(10))
        file_of(ports, other).unlink()
        assert code_of(pusher.get(f"/v2/{NAME}/blobs/{other}")) == (503, "UNAVAILABLE")
        assert quarantined(ports, other)

        file_of(ports).unlink()
        assert code_of(pusher.get(WHERE)) == (503, "UNAVAILABLE")
        assert not quarantined(ports)


class TestHealing:
    @pytest.mark.parametrize("damage", [cut, lengthen, spoil, Path.unlink])
    def test_a_push_heals_what_nobody_has_noticed(
        self, pusher: httpx.Client, neighbour: httpx.Client, ports: Ports, damage: Callable[[Path], None]
    ) -> None:
        old = file_of(ports)
        damage(old)

        push(pusher, NAME, CONTENT)

        assert neighbour.get(f"/v2/{OTHER}/blobs/{DIGEST}").content == CONTENT
        assert files(ports) == [file_of(ports)]
        assert file_of(ports) != old

    def test_other_bytes_are_set_apart_though_the_push_that_finds_them_is_refused(
        self, pusher: httpx.Client, neighbour: httpx.Client, ports: Ports, ctx: Context
    ) -> None:
        spoil(file_of(ports))
        location = pusher.post(SESSIONS.format(name=NAME)).headers["Location"]
        for on, status in ((True, 403), (False, 201)):
            with ctx.write() as session:
                gate.switch(session, on=on)
            assert pusher.put(location, params={"digest": DIGEST}, content=CONTENT).status_code == status
            assert neighbour.get(f"/v2/{OTHER}/blobs/{DIGEST}").status_code == (404 if on else 200)

    def test_a_push_heals_what_is_set_apart(
        self, pusher: httpx.Client, neighbour: httpx.Client, ports: Ports, ctx: Context
    ) -> None:
        spoil(file_of(ports))
        set_apart(ports, ctx)
        before = ports.db.rows(sa.select(Project.name, Project.storage_used).order_by(Project.id))

        push(neighbour, OTHER, CONTENT)

        assert not quarantined(ports)
        assert pusher.get(WHERE).content == CONTENT
        assert neighbour.get(f"/v2/{OTHER}/blobs/{DIGEST}").content == CONTENT
        assert ports.db.rows(sa.select(Project.name, Project.storage_used).order_by(Project.id)) == before
        assert len(files(ports)) == 1

    def test_a_push_of_a_sound_copy_keeps_it(self, pusher: httpx.Client, ports: Ports) -> None:
        push(pusher, NAME, CONTENT)
        old = file_of(ports)
        push(pusher, NAME, CONTENT)
        assert files(ports) == [file_of(ports)] == [old]

    def test_a_volume_that_is_away_comes_back_with_what_is_on_it(
        self, pusher: httpx.Client, neighbour: httpx.Client, ports: Ports
    ) -> None:
        """While every object is missing, a push does not take the place of one that is only out of reach."""
        push(pusher, NAME, content_of(10, seed=1))
        storage, away = ports.settings.storage.path, ports.settings.storage.path.with_name("away")
        storage.rename(away)
        push(neighbour, OTHER, CONTENT)
        shutil.rmtree(storage)
        away.rename(storage)
        assert pusher.get(WHERE).content == CONTENT

    def test_many_pushes_at_once_heal_once(
        self, pusher: httpx.Client, neighbour: httpx.Client, ports: Ports, ctx: Context
    ) -> None:
        cut(file_of(ports))
        set_apart(ports, ctx)
        start = threading.Barrier(6)

        def again(client: httpx.Client, name: str) -> None:
            start.wait()
            push(client, name, CONTENT)

        threads = [
            threading.Thread(target=again, args=place)
            for place in ((pusher, NAME), (neighbour, OTHER))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert files(ports) == [file_of(ports)]
        assert pusher.get(WHERE).content == CONTENT

    def test_a_pull_that_meets_the_change_looks_again(
        self, pusher: httpx.Client, neighbour: httpx.Client, ports: Ports, ctx: Context
    ) -> None:
        meddler = Meddler(ports.storage.driver, lambda: _heal(neighbour, ports, ctx))
        ports.storage.driver = meddler  # type: ignore[assignment]  # hands on what it does not know
        meddler.armed = True

        assert pusher.get(WHERE).content == CONTENT
        assert not meddler.armed

    @pytest.mark.parametrize("remembered", [True, False])
    def test_the_purge_finds_a_broken_object_that_a_crash_left(
        self, pusher: httpx.Client, ports: Ports, ctx: Context, clock: MovableClock, remembered: bool
    ) -> None:
        push(pusher, NAME, CONTENT)
        if not remembered:
            with ctx.write() as session:
                session.execute(sa.delete(Upload))
        cut(file_of(ports))
        driver, ports.storage.driver = ports.storage.driver, Undeletable(ports.storage.driver)  # type: ignore[assignment]  # as above
        location = pusher.post(SESSIONS.format(name=NAME)).headers["Location"]
        assert pusher.put(location, params={"digest": DIGEST}, content=CONTENT).status_code == 503
        assert pusher.get(WHERE).content == CONTENT
        assert len(files(ports)) == 2
        ports.storage.driver = driver

        run = JobRun(ctx, "upload-purge-0-1-abcdefgh", UPLOAD_PURGE_JOB.workflow)
        clock.forward(3700)
        asked = PurgeInput(expiry_seconds=1_000_000, finished_seconds=600)
        assert UploadPurge(run, asked).run(lambda: True).done

        assert files(ports) == [file_of(ports)]
        assert pusher.get(WHERE).content == CONTENT


@dataclass
class Meddler:
    """A driver under which something happens just before an object is opened."""

    driver: StorageDriver
    happening: Callable[[], None]
    armed: bool = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.driver, name)

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        if self.armed:
            self.armed = False
            self.happening()
        return self.driver.open(key, offset)


@dataclass
class Undeletable:
    """A driver that deletes nothing, as if the process ended before it could."""

    driver: StorageDriver

    def __getattr__(self, name: str) -> object:
        return getattr(self.driver, name)

    def delete(self, key: str) -> bool:
        raise StorageFull(f"{key} stays")


def _heal(client: httpx.Client, ports: Ports, ctx: Context) -> None:
    set_apart(ports, ctx)
    push(client, OTHER, CONTENT)
