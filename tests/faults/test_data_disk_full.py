"""No room in the data folder, for database, Temporal and whatever else lies there: all of it comes back by itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.db.database import Database
from tests.faults import logs, soundness
from tests.faults.conftest import create_project, eventually
from tests.faults.disks import Disk, small_disk
from tests.faults.test_disk_full import offset, pulled, refusal
from tests.faults.test_temporal_down import collect, status
from tests.support.blobs import begin, content_of, digest_of, push
from tests.support.instance import Instance
from tests.support.manifests import image, push_image, put

pytestmark = pytest.mark.temporal
_DISK = "its disk is full"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """The disk that the data folder is."""
    with small_disk(tmp_path / "data", 64) as mounted:
        yield mounted


@pytest.fixture
def instance(disk: Disk, start: Callable[..., Instance]) -> Instance:
    """An installation that keeps everything there but its blobs, and no room back."""
    return start(
        HARBOR_STORAGE_PATH=str(disk.path.with_name("blobs")), HARBOR_GC_TIME_WINDOW="0s", HARBOR_STORAGE_RESERVE="0"
    )


def test_a_full_data_folder_refuses_pushes_whole_and_everything_comes_back(
    instance: Instance, disk: Disk, look: Callable[[Instance], Database]
) -> None:
    name = f"{create_project(instance)}/app"
    content = content_of(300_000, 1)
    digest = digest_of(content)
    layers = [content_of(1000, seed) for seed in (2, 3)]
    manifest = image(*layers, annotations={"size": "x" * 200_000})
    with instance.client() as client:
        kept = push_image(client, name, "kept")
        first = collect(client)
        eventually(lambda: status(client, first) == "Success")
        for layer in layers:
            push(client, name, layer)
        location = begin(client, name)
        assert client.patch(location, content=content[:1000]).status_code == 202
        web, worker = instance.pids("gunicorn"), instance.pids("app.cli worker")
        with _filled(disk):
            assert _DISK in refusal(put(client, name, manifest, "new"))
            assert _DISK in refusal(eventually(lambda: _refused(client, name)))
            refusal(client.put(location, params={"digest": digest}, content=content[1000:]))
            stands = offset(client, location)
            assert stands in {1000, len(content)}, "what was there before is still there"
            assert client.head(f"/v2/{name}/blobs/{digest}").status_code == 404
            assert client.get(f"/v2/{name}/manifests/new").status_code == 404
            for _ in range(20):
                assert pulled(client, name, "kept") == kept
            asked = client.post("/api/v2.0/system/gc/schedule", json={"schedule": {"type": "Manual"}})
            assert asked.status_code == 503, asked.text
        reasons = {entry["reason"] for entry in logs.events(instance, "registry request not served")}
        assert any(_DISK in reason for reason in reasons)

        done = client.put(location, params={"digest": digest}, content=content[offset(client, location) :])
        assert (done.status_code, done.headers["Docker-Content-Digest"]) == (201, digest)
        assert client.get(f"/v2/{name}/blobs/{digest}").content == content
        assert put(client, name, manifest, "new").status_code == 201
        assert pulled(client, name, "new") == manifest
        later = collect(client)
        eventually(lambda: status(client, later) == "Success", seconds=90)
    assert (instance.pids("gunicorn"), instance.pids("app.cli worker")) == (web, worker)
    assert soundness.faults(look(instance), disk.path.with_name("blobs")) == []
    assert logs.traces(instance) == []


class _filled:  # noqa: N801 - reads as a statement
    """The disk has no byte left inside the block, whoever gives some back meanwhile."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def __enter__(self) -> None:
        self._disk.fill()

    def __exit__(self, *_: object) -> None:
        self._disk.free()


def _refused(client: httpx.Client, name: str) -> httpx.Response | None:
    """The first refusal of a new session's bytes; the database's log may have had room for some rows more."""
    answer = client.patch(begin(client, name), content=b"some")
    return None if answer.status_code == 202 else answer
