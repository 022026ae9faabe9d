"""No room: for blobs, then for the database. What was acknowledged stays, and everything goes on once there is room."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.db.database import Database
from tests.faults import logs, soundness
from tests.faults.conftest import create_project, eventually
from tests.faults.disks import Disk, small_disk
from tests.support.blobs import begin, content_of, digest_of, push
from tests.support.instance import Instance
from tests.support.manifests import image, push_image, put

_MEGABYTE = 1024 * 1024
_ROOM = 24
_FAR_AWAY = "127.0.0.1:9"
"""No Temporal: nothing but the registry writes to the small disk."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of 24 MB."""
    with small_disk(tmp_path / "disk", _ROOM) as mounted:
        yield mounted


@pytest.fixture
def instance(start: Callable[..., Instance], disk: Disk) -> Instance:
    """An installation whose blobs are on the small disk, of which nothing is kept back."""
    return start(HARBOR_STORAGE_PATH=str(disk.path / "blobs"), HARBOR_STORAGE_RESERVE="0")


@pytest.fixture
def client(instance: Instance) -> Iterator[httpx.Client]:
    """The administrator's client."""
    with instance.client() as made:
        yield made


def refusal(answer: httpx.Response) -> str:
    """The message of an answer that says try again later, in the registry's shape."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    (error,) = answer.json()["errors"]
    assert error["code"] == "UNAVAILABLE"
    return str(error["message"])


def offset(client: httpx.Client, location: str) -> int:
    """Where the session stands."""
    answer = client.get(location)
    assert answer.status_code == 204, answer.text
    return int(answer.headers["Range"].removeprefix("0-")) + 1


def test_an_upload_goes_on_when_there_is_room_again(
    instance: Instance, disk: Disk, client: httpx.Client, look: Callable[[Instance], Database]
) -> None:
    name = f"{create_project(instance)}/app"
    content = content_of(20 * _MEGABYTE, 1)
    kept = push_image(client, name, "kept")
    location = begin(client, name)
    assert client.patch(location, content=content[:_MEGABYTE]).status_code == 202
    (disk.path / "in-the-way").write_bytes(bytes(10 * _MEGABYTE))

    answer = client.patch(location, content=content[_MEGABYTE:])

    assert "No space left on device" in refusal(answer)
    (line,) = eventually(lambda: logs.events(instance, "storage_write_refused"))
    assert (line["errno"], line["level"], line["error"]) == ("ENOSPC", "error", "No space left on device")
    stands = offset(client, location)
    assert _MEGABYTE < stands < len(content), "what arrived before is kept"
    assert offset(client, location) == stands
    assert pulled(client, name, "kept") == kept
    (disk.path / "in-the-way").unlink()
    for start_at in range(stands, len(content), 5 * _MEGABYTE):
        assert client.patch(location, content=content[start_at : start_at + 5 * _MEGABYTE]).status_code == 202
    done = client.put(location, params={"digest": digest_of(content)})
    assert (done.status_code, done.headers["Docker-Content-Digest"]) == (201, digest_of(content))
    assert client.get(f"/v2/{name}/blobs/{digest_of(content)}").content == content
    assert soundness.faults(look(instance), disk.path / "blobs") == []
    assert logs.traces(instance) == []


def test_every_way_of_pushing_a_blob_is_refused_and_changes_nothing(
    instance: Instance, disk: Disk, client: httpx.Client, look: Callable[[Instance], Database]
) -> None:
    name = f"{create_project(instance)}/app"
    kept = push_image(client, name, "kept")
    content = content_of(_MEGABYTE, 2)
    digest = digest_of(content)
    empty = begin(client, name)
    begun = begin(client, name)
    assert client.patch(begun, content=content[:1000]).status_code == 202
    disk.fill()

    for _ in range(3):
        refusal(client.patch(empty, content=content))
        refusal(client.put(empty, params={"digest": digest}, content=content))
        refusal(client.post(f"/v2/{name}/blobs/uploads/", params={"digest": digest}, content=content))
        refusal(client.put(begun, params={"digest": digest}, content=content[1000:]))
        assert offset(client, begun) == 1000
    assert client.head(f"/v2/{name}/blobs/{digest}").status_code == 404
    assert pulled(client, name, "kept") == kept
    assert storage_health(client) == "unhealthy"

    disk.free()
    assert client.put(begun, params={"digest": digest}, content=content[1000:]).status_code == 201
    assert client.get(f"/v2/{name}/blobs/{digest}").content == content
    assert storage_health(client) == "healthy"
    assert soundness.faults(look(instance), disk.path / "blobs") == []
    assert logs.traces(instance) == []


def test_a_full_disk_of_the_database_refuses_whole_and_recovers(
    start: Callable[..., Instance], disk: Disk, look: Callable[[Instance], Database]
) -> None:
    instance = start(
        HARBOR_DATABASE_URL=f"sqlite:///{disk.path}/pyharbor.db",
        HARBOR_TEMPORAL_ADDRESS=_FAR_AWAY,
        HARBOR_STORAGE_RESERVE="0",
    )
    name = f"{create_project(instance)}/app"
    content = content_of(100_000, 3)
    layers = [content_of(1000, seed) for seed in range(4, 8)]
    with instance.client() as client:
        kept = push_image(client, name, "kept")
        for layer in layers:
            push(client, name, layer)
        location = begin(client, name)
        assert client.patch(location, content=content[:1000]).status_code == 202
        disk.fill()
        manifest = image(*layers, annotations={"size": "x" * 200_000})

        assert "database" in refusal(put(client, name, manifest, "new"))
        full = eventually(lambda: _filled_up(client, location, digest_of(content), content[1000:]))
        assert "database" in refusal(full)
        assert pulled(client, name, "kept") == kept
        assert offset(client, location) >= 1000
        assert client.get(f"/v2/{name}/manifests/new").status_code == 404
        assert client.get("/api/v2.0/ping").status_code == 200

        disk.free()
        assert client.put(location, params={"digest": digest_of(content)}, content=content[1000:]).status_code == 201
        assert put(client, name, manifest, "new").status_code == 201
        assert pulled(client, name, "new") == manifest
        assert client.get(f"/v2/{name}/blobs/{digest_of(content)}").content == content
        pulls = {each["name"]: each["pull_count"] for each in client.get("/api/v2.0/repositories").json()}
    assert soundness.faults(look(instance), instance.folder / "blobs") == []
    assert set(pulls) == {name}
    assert len(instance.pids("gunicorn")) == 3


def pulled(client: httpx.Client, name: str, tag: str) -> bytes:
    """A manifest, whose layers are there too."""
    answer = client.get(f"/v2/{name}/manifests/{tag}")
    assert answer.status_code == 200, answer.text
    for layer in answer.json()["layers"]:
        content = client.get(f"/v2/{name}/blobs/{layer['digest']}").content
        assert digest_of(content) == layer["digest"]
    return answer.content


def storage_health(client: httpx.Client) -> str:
    """What the installation says of its blob storage."""
    components = client.get("/api/v2.0/health").json()["components"]
    return next(str(each["status"]) for each in components if each["name"] == "registry")


def _filled_up(client: httpx.Client, location: str, digest: str, rest: bytes) -> httpx.Response | None:
    """The first refusal of a PUT; the database's log may have had room for some rows more."""
    answer = client.put(location, params={"digest": digest}, content=rest)
    time.sleep(0.05)
    return None if answer.status_code == 201 else answer
