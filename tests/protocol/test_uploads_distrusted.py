"""Bytes of uploads that the disk may not hold as they came: after a sync that failed, a power cut, a silent fault."""

import errno
import os
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from app.context import Ports
from app.storage import hash_state
from app.storage.models import Blob, Upload
from tests.support.blobs import begin, content_of, digest_of, push
from tests.support.contents import code_of

NAME = "library-test/app"
CONTENT = content_of(50_000)
DIGEST = digest_of(CONTENT)
WHERE = f"/v2/{NAME}/blobs/{DIGEST}"


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"HARBOR_STORAGE_FSYNC": "true"}


def file_of(ports: Ports) -> Path:
    """The file of the session that has not ended."""
    key: str = ports.db.rows(sa.select(Upload.key).where(Upload.digest.is_(None)))[0].key
    return ports.settings.storage.path / key


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def finish(client: httpx.Client, location: str, content: bytes = b"") -> httpx.Response:
    return client.put(location, params={"digest": DIGEST}, content=content)


def test_a_sync_that_failed_is_not_asked_again(
    pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system forgets what it failed to write: the next sync of the same file would succeed."""
    location = begin(pusher, NAME)
    assert pusher.patch(location, content=CONTENT).status_code == 202
    path, sync = file_of(ports), os.fdatasync
    refused: list[int] = []

    def fdatasync(descriptor: int) -> None:
        if not refused and Path(f"/proc/self/fd/{descriptor}").readlink() == path:
            refused.append(descriptor)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    assert code_of(finish(pusher, location)) == (503, "UNAVAILABLE")
    assert refused
    assert code_of(finish(pusher, location)) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert pusher.head(WHERE).status_code == 404
    push(pusher, NAME, CONTENT)
    assert pusher.get(WHERE).content == CONTENT


class TestPowerCuts:
    """The database can know of bytes that the file system had not written, and then has as zeros."""

    @pytest.mark.parametrize("last", [b"", CONTENT[40_000:]])
    def test_what_was_lost_is_found(
        self, pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch, last: bytes
    ) -> None:
        location = begin(pusher, NAME)
        assert pusher.patch(location, content=CONTENT[: len(CONTENT) - len(last)]).status_code == 202
        monkeypatch.setattr(hash_state, "_boot_id_or_none", lambda: b"another start...")
        zero(file_of(ports))
        assert code_of(finish(pusher, location, last)) == (400, "DIGEST_INVALID")
        assert pusher.head(WHERE).status_code == 404

    def test_what_was_kept_can_be_gone_on_with(
        self, pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        location = begin(pusher, NAME)
        assert pusher.patch(location, content=CONTENT[:20_000]).status_code == 202
        monkeypatch.setattr(hash_state, "_boot_id_or_none", lambda: b"another start...")
        assert pusher.patch(location, content=CONTENT[20_000:40_000]).status_code == 202
        assert finish(pusher, location, CONTENT[40_000:]).status_code == 201
        assert pusher.get(WHERE).content == CONTENT


def test_a_sound_copy_is_not_replaced_by_a_broken_one(pusher: httpx.Client, ports: Ports) -> None:
    push(pusher, NAME, CONTENT)
    location = begin(pusher, NAME)
    assert pusher.patch(location, content=CONTENT).status_code == 202
    zero(file_of(ports))
    assert finish(pusher, location).status_code == 201
    assert pusher.get(WHERE).content == CONTENT
    assert ports.db.rows(sa.select(Blob.quarantined_at))[0].quarantined_at is None
