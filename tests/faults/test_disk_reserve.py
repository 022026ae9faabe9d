"""A disk that is full has a way out: what is kept back lets deletions and the collection work, and pushes come back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.db.database import Database
from app.storage.room import RESERVE
from tests.faults import logs, soundness
from tests.faults.conftest import create_project, eventually
from tests.faults.disks import Disk, small_disk
from tests.faults.test_disk_full import offset, pulled, refusal, storage_health
from tests.faults.test_temporal_down import collect, status
from tests.support.blobs import begin, content_of, digest_of, push
from tests.support.instance import Instance
from tests.support.manifests import CONFIG, image, push_image, push_manifest, put

pytestmark = pytest.mark.temporal
_MEGABYTE = 1024 * 1024
_FULL = "its disk is full"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """The disk that the data folder is."""
    with small_disk(tmp_path / "data", 120) as mounted:
        yield mounted


@pytest.fixture
def instance(disk: Disk, start: Callable[..., Instance]) -> Instance:
    """An installation that keeps everything there."""
    return start(HARBOR_GC_TIME_WINDOW="0s")


def kept_back(disk: Disk) -> int:
    """Bytes of the reserve."""
    path = disk.path / RESERVE
    return path.stat().st_size if path.exists() else 0


def push_large(client: httpx.Client, name: str, size: int, seed: int) -> str:
    """An image of one layer; its digest."""
    layer = content_of(size, seed)
    push(client, name, layer)
    push(client, name, CONFIG)
    return push_manifest(client, name, image(layer), "doomed")


def test_deletions_and_the_collection_make_room_on_a_full_disk(
    instance: Instance, disk: Disk, look: Callable[[Instance], Database]
) -> None:
    name = f"{create_project(instance)}/app"
    layer = content_of(1000, 2)
    with instance.client() as client:
        kept = push_image(client, name, "kept")
        doomed = push_large(client, name, 20 * _MEGABYTE, 1)
        first = collect(client)
        eventually(lambda: status(client, first) == "Success")
        push(client, name, layer)
        location = begin(client, name)
        assert eventually(lambda: kept_back(disk)) == 120 * _MEGABYTE // 20
        assert storage_health(client) == "healthy"

        disk.fill()
        eventually(lambda: storage_health(client) == "unhealthy")
        components = {each["name"]: each for each in client.get("/api/v2.0/health").json()["components"]}
        assert _FULL in components["registry"]["error"]
        for answer in (
            client.post(f"/v2/{name}/blobs/uploads/"),
            client.patch(location, content=b"more"),
            client.put(location, params={"digest": digest_of(b"more")}, content=b"more"),
            put(client, name, image(layer), "new"),
        ):
            assert _FULL in refusal(answer)
        assert pulled(client, name, "kept") == kept
        assert kept_back(disk) == 0

        assert client.delete(f"/v2/{name}/manifests/{doomed}").status_code == 202
        later = collect(client)
        eventually(lambda: status(client, later) == "Success", seconds=90)

        eventually(lambda: storage_health(client) == "healthy")
        assert kept_back(disk) == 120 * _MEGABYTE // 20
        assert client.patch(location, content=b"more").status_code == 202
        assert client.put(location, params={"digest": digest_of(b"more")}).status_code == 201
        assert pulled(client, name, "kept") == kept
    assert [each["level"] for each in logs.events(instance, "disk_reserve_given_up")] != []
    assert soundness.faults(look(instance), instance.folder / "blobs") == []
    assert logs.traces(instance) == []


def test_pushes_end_before_the_last_bytes_are_gone(
    instance: Instance, disk: Disk, look: Callable[[Instance], Database]
) -> None:
    name = f"{create_project(instance)}/app"
    content = content_of(110 * _MEGABYTE, 3)
    with instance.client() as client:
        doomed = push_large(client, name, 30 * _MEGABYTE, 1)
        location = begin(client, name)
        eventually(lambda: kept_back(disk))

        assert _FULL in refusal(client.patch(location, content=content))
        stands = offset(client, location)
        assert 20 * _MEGABYTE < stands < len(content), "what arrived is kept"
        assert _FULL in refusal(client.patch(location, content=content[stands : stands + 10]))
        assert kept_back(disk) == 120 * _MEGABYTE // 20
        assert logs.events(instance, "storage_write_refused") == []

        assert client.delete(f"/v2/{name}/manifests/{doomed}").status_code == 202
        later = collect(client)
        eventually(lambda: status(client, later) == "Success", seconds=90)
        eventually(lambda: storage_health(client) == "healthy")
        rest = content[stands : stands + _MEGABYTE]
        assert client.patch(location, content=rest).status_code == 202
        done = client.put(location, params={"digest": digest_of(content[: stands + _MEGABYTE])})
        assert done.status_code == 201
    assert soundness.faults(look(instance), instance.folder / "blobs") == []
    assert logs.traces(instance) == []
