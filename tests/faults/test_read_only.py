"""A blob storage that turned read-only, as a disk does after an error: pulls go on, pushes come back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.db.database import Database
from app.storage.room import RESERVE
from tests.faults import logs, soundness
from tests.faults.conftest import create_project, eventually
from tests.faults.disks import Disk, small_disk
from tests.faults.test_disk_full import offset, pulled, refusal
from tests.support.blobs import begin, content_of, digest_of, push
from tests.support.instance import Instance
from tests.support.manifests import push_image


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that can be made read-only."""
    with small_disk(tmp_path / "disk", 16) as mounted:
        yield mounted


def test_pulls_go_on_and_pushes_come_back(
    start: Callable[..., Instance], disk: Disk, look: Callable[[Instance], Database]
) -> None:
    instance = start(HARBOR_STORAGE_PATH=str(disk.path / "blobs"))
    name = f"{create_project(instance)}/app"
    content = content_of(500_000, 1)
    digest = digest_of(content)
    with instance.client() as client:
        kept = push_image(client, name, "kept")
        location = begin(client, name)
        assert client.patch(location, content=content[:1000]).status_code == 202
        with disk.read_only():
            for answer in (
                client.patch(location, content=content[1000:]),
                client.put(location, params={"digest": digest}, content=content[1000:]),
                client.post(f"/v2/{name}/blobs/uploads/", params={"digest": digest}, content=content),
            ):
                assert "Read-only file system" in refusal(answer)
            assert offset(client, location) == 1000
            assert pulled(client, name, "kept") == kept
            assert client.head(f"/v2/{name}/blobs/{digest}").status_code == 404
        eventually(lambda: len(logs.events(instance, "storage_write_refused")) >= 3)
        written = logs.events(instance, "storage_write_refused")
        assert {(each["errno"], each["error"]) for each in written} == {("EROFS", "Read-only file system")}

        assert client.put(location, params={"digest": digest}, content=content[1000:]).status_code == 201
        push(client, name, content_of(1000, 2))
        assert client.get(f"/v2/{name}/blobs/{digest}").content == content
        push_image(client, name, "new", seed=3)
        assert pulled(client, name, "kept") == kept
    assert soundness.faults(look(instance), disk.path / "blobs") == []
    assert logs.traces(instance) == []


def test_a_collection_that_cannot_delete_gives_writes_back_and_the_next_one_deletes(
    start: Callable[..., Instance], disk: Disk, look: Callable[[Instance], Database]
) -> None:
    instance = start(HARBOR_STORAGE_PATH=str(disk.path / "blobs"), HARBOR_GC_TIME_WINDOW="0s")
    name = f"{create_project(instance)}/app"
    with instance.client() as client:
        doomed = push(client, name, content_of(100_000, 4))
        with disk.read_only():
            assert instance.command("gc", "run", "--wait").returncode == 0
            assert client.get(f"/v2/{name}/blobs/{doomed}").status_code == 404
            eventually(lambda: logs.events(instance, "blob_delete_failed"))
            assert stored(disk) == 1
        kept = push(client, name, content_of(1000, 5))
        assert client.get(f"/v2/{name}/blobs/{kept}").status_code == 200
        assert instance.command("gc", "run", "--wait").returncode == 0
        assert stored(disk) == 0
    assert soundness.faults(look(instance), disk.path / "blobs") == []


def stored(disk: Disk) -> int:
    """How many objects there are."""
    return sum(path.is_file() and path.name != RESERVE for path in (disk.path / "blobs").rglob("*"))
