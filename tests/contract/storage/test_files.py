"""What only files can get wrong: rights, durability, and a disk that refuses."""

import errno
import os
import resource
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.errors import InternalError, StorageFull
from app.storage.drivers import filesystem
from app.storage.drivers.filesystem import FilesystemDriver
from tests.contract.storage.test_drivers import KEY, read, write

_NOBODY = 65534


def test_a_real_file_for_sendfile(tmp_path: Path) -> None:
    driver = FilesystemDriver(tmp_path)
    write(driver, b"abcdef")
    with driver.open(KEY, 4) as stream:
        assert os.lseek(stream.fileno(), 0, os.SEEK_CUR) == 4


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    write(FilesystemDriver(tmp_path / "blobs"), b"abc")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "blobs").rglob("*")]
    assert [mode & 0o007 for mode in modes] == [0, 0, 0]


def test_one_durability_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []

    def note(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path)))

    monkeypatch.setattr(os, "fdatasync", note)
    monkeypatch.setattr(os, "fsync", note)
    driver = FilesystemDriver(tmp_path)
    write(driver, b"abc")
    assert synced == [".", "ab"]
    write(driver, b"def", 3)
    assert synced == [".", "ab"]
    driver.finish(KEY, 6)
    assert synced == [".", "ab", KEY, "ab/cd"]
    write(driver, b"abc", key="ab/cd/other")
    assert synced == [".", "ab", KEY, "ab/cd"]


def test_a_lock_tells_dead_writers_where_one_kernel_keeps_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FilesystemDriver(tmp_path / "absent" / "blobs").tells_dead_writers
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/blobs {tmp_path} nfs4 rw 0 0\nnone /proc proc rw 0 0\n")
    monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
    assert not FilesystemDriver(tmp_path / "absent" / "blobs").tells_dead_writers
    assert FilesystemDriver(tmp_path.parent / "other").tells_dead_writers
    monkeypatch.setattr(filesystem, "_MOUNTS", tmp_path / "absent")
    assert not FilesystemDriver(tmp_path).tells_dead_writers


def test_without_fsync_nothing_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fdatasync", lambda _: pytest.fail("synced"))
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("synced"))
    driver = FilesystemDriver(tmp_path, fsync=False)
    write(driver, b"abc")
    driver.finish(KEY, 3)


def test_disk_full_in_the_middle(tmp_path: Path, small_files: None) -> None:
    driver = FilesystemDriver(tmp_path)
    writer = driver.append(KEY, 0)
    with pytest.raises(StorageFull) as caught:
        writer.write(memoryview(bytes(200_000)))
    writer.close()
    assert caught.value.retry_after
    assert driver.size(KEY) == 65_536
    assert write(driver, b"x", 65_535) == 65_536


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "open"])
def test_every_refusal_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str) -> None:
    driver = FilesystemDriver(tmp_path)
    write(driver, b"abc")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(StorageFull, match=os.strerror(number)):
        _write_and_finish(driver)
    monkeypatch.undo()
    write(driver, b"def", 3)
    driver.finish(KEY, 6)
    assert read(driver) == b"abcdef"


def test_other_errors_are_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "ab").write_bytes(b"a file where a folder belongs")
    with pytest.raises(NotADirectoryError):
        FilesystemDriver(tmp_path).append(KEY, 0)


def test_read_only_folder() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        with _unprivileged(), pytest.raises(StorageFull):
            FilesystemDriver(folder).require_writable()
        folder.chmod(0o700)


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Root may write anywhere, so act as nobody meanwhile."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_writing_after_close(tmp_path: Path) -> None:
    writer = FilesystemDriver(tmp_path).append(KEY, 0)
    writer.close()
    with pytest.raises(InternalError):
        writer.write(memoryview(b"abc"))


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may pass 64 KiB while the test runs: the kernel refuses in the middle of a write."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def _write_and_finish(driver: FilesystemDriver) -> None:
    write(driver, b"def", 3)
    driver.finish(KEY, 6)
