"""Objects as files below one folder."""

import ctypes
import errno
import fcntl
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import structlog

from app.core.errors import InternalError, NotFoundError, ObjectBusy, StorageFull
from app.storage.driver import Capacity, checked_key

_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})
_CHECK_KEY = "check"
"""Always the same, so that checks leave no folders behind, and a crash at most one file."""
_LOCAL = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "ramfs", "tmpfs", "xfs", "zfs"})
"""File systems that one kernel alone keeps, so that its locks hold for whoever writes; others may ask a server."""
_MOUNTS = Path("/proc/self/mounts")
_WRITE_BYTES = 256 * 1024
"""At once: the page cache keeps them in one folio. Larger free ones are rare, and costly to make."""
_EARLY_BYTES = 8 * 1024 * 1024
_WRITE = 2
"""SYNC_FILE_RANGE_WRITE: begin to write, do not wait."""
_sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)
if _sync_file_range is not None:
    _sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
_logger = structlog.get_logger(__name__)


class FilesystemDriver:
    """One file per object under ``<root>/<key>``.

    One durability point per object: ``finish`` syncs the file's content and its folder; folders are made durable when
    they are made. Without ``fsync`` a power cut may lose what was acknowledged in the last half minute or so.
    """

    def __init__(self, root: Path, *, fsync: bool = True) -> None:
        """Keep objects below ``root``, which is made with the first one."""
        self._root = root
        self._below = f"{root}/"
        self._fsync = fsync

    @functools.cached_property
    def tells_dead_writers(self) -> bool:
        """True on a file system of this machine; over a network a lock may hold for one machine, or outlive another."""
        return _file_system(self._root) in _LOCAL

    def append(self, key: str, offset: int) -> "_FileWriter":
        """Open the object under an exclusive flock, which ends with its process at the latest."""
        path = self._path(key)
        with _refusals(key):
            while True:
                descriptor = self._create(path) if offset == 0 else _reopened(key, path, os.O_WRONLY)
                try:
                    deleted = _lock(key, descriptor, offset)
                except BaseException:
                    os.close(descriptor)
                    raise
                if not deleted:
                    return _FileWriter(key, descriptor, offset, early=self._fsync)
                os.close(descriptor)

    def put(self, key: str, content: bytes) -> None:
        """Write the object's file, sync its content, then its folder."""
        path = self._path(key)
        with _refusals(key):
            descriptor = self._create(path, os.O_EXCL)
            try:
                data = memoryview(content)
                while data:
                    data = data[os.write(descriptor, data) :]
                if self._fsync:
                    os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            self._sync_folder(path.parent)

    def finish(self, key: str, size: int) -> None:
        """Sync the object's content and folder and verify its size; never changes it."""
        path = self._path(key)
        with _refusals(key):
            descriptor = _reopened(key, path, os.O_RDONLY)
            try:
                present = os.fstat(descriptor).st_size
                if present != size:
                    raise InternalError(f"object {key!r} holds {present} bytes instead of {size}")
                if self._fsync:
                    os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            self._sync_folder(path.parent)

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        """Open the object's file, unbuffered, at ``offset``; NotFoundError when the key is unknown."""
        try:
            file = open(f"{self._below}{checked_key(key)}", "rb", buffering=0)  # noqa: PTH123, SIM115 - asked at every pull, and half the time of a Path's
        except FileNotFoundError:
            raise _gone(key) from None
        if offset:
            file.seek(offset)
        return file

    def size(self, key: str) -> int:
        """Bytes of the object; NotFoundError when the key is unknown."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            raise _gone(key) from None

    def delete(self, key: str) -> bool:
        """Remove the object's file; False when there was none, which is no error. Folders stay."""
        try:
            with _refusals(key):
                self._path(key).unlink()
        except FileNotFoundError:
            return False
        return True

    def check(self) -> None:
        """Write and remove a small object; StorageFull with the reason when that fails."""
        writer = self.append(_CHECK_KEY, 0)
        try:
            writer.write(memoryview(b"check"))
        finally:
            writer.close()
            self.delete(_CHECK_KEY)

    def capacity(self) -> Capacity:
        """Of the file system that holds the folder, or will hold it; ``free`` leaves out what only root may fill."""
        folder = next(folder for folder in (self._root, *self._root.absolute().parents) if folder.exists())
        found = os.statvfs(folder)
        return Capacity(total=found.f_blocks * found.f_frsize, free=found.f_bavail * found.f_frsize)

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)

    def _create(self, path: Path, exclusive: int = 0) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | exclusive
        try:
            return os.open(path, flags, 0o640)
        except FileNotFoundError:
            self._make_folder(path.parent)
            return os.open(path, flags, 0o640)

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o750, exist_ok=True)
        except FileNotFoundError:
            self._make_folder(folder.parent)
            folder.mkdir(mode=0o750, exist_ok=True)
        self._sync_folder(folder.parent)

    def _sync_folder(self, folder: Path) -> None:
        if not self._fsync:
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _FileWriter:
    """Writes at positions of its own keeping; the descriptor's lock keeps every other writer out."""

    def __init__(self, key: str, descriptor: int, offset: int, *, early: bool) -> None:
        self._key = key
        self._descriptor: int | None = descriptor
        self._early = early
        self._begun = offset
        self.offset = offset

    def cut(self) -> None:
        descriptor = self._opened()
        if os.fstat(descriptor).st_size > self.offset:
            with _refusals(self._key):
                os.ftruncate(descriptor, self.offset)

    def write(self, data: memoryview) -> None:
        descriptor = self._opened()
        with _refusals(self._key):
            while data:
                written = os.pwrite(descriptor, data[:_WRITE_BYTES], self.offset)
                self.offset += written
                data = data[written:]
        if self._early and self.offset - self._begun >= _EARLY_BYTES:
            self._begin_to_sync(descriptor)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _begin_to_sync(self, descriptor: int) -> None:
        """Let the disk write while more arrives, so that ``finish`` has little to wait for. Errors come there."""
        if _sync_file_range is not None:
            _sync_file_range(descriptor, self._begun, self.offset - self._begun, _WRITE)
        self._begun = self.offset

    def _opened(self) -> int:
        if self._descriptor is None:
            raise InternalError(f"object {self._key!r} written to after its writer was closed")
        return self._descriptor


def _reopened(key: str, path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _gone(key) from None


def _lock(key: str, descriptor: int, offset: int) -> bool:
    """Keep other writers out of a file of at least ``offset`` bytes; True when it was deleted before that."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ObjectBusy(f"object {key!r} is being written by another request") from None
    present = os.fstat(descriptor)
    if present.st_size < offset:
        raise InternalError(f"object {key!r} holds {present.st_size} bytes of {offset}")
    return not present.st_nlink


def _file_system(folder: Path) -> str:
    """The type of the file system that holds the folder, or will hold it; empty where that cannot be told."""
    places = {str(folder.absolute().resolve()), *map(str, folder.absolute().resolve().parents)}
    longest, kind = "", ""
    with suppress(OSError):
        for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            _, place, name, *_ = line.split(" ")
            place = place.replace("\\040", " ")
            if place in places and len(place) >= len(longest):
                longest, kind = place, name
    return kind


def _gone(key: str) -> NotFoundError:
    return NotFoundError(f"no object {key!r} in the storage")


@contextmanager
def _refusals(key: str) -> Iterator[None]:
    """Turn the system's refusals to write into StorageFull, with one clear log line."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        _logger.error("storage_write_refused", key=key, error=error.strerror, errno=errno.errorcode[error.errno])  # noqa: TRY400 - the reason is the whole story
        raise StorageFull(f"the blob storage cannot be written: {error.strerror}", retry_after=30) from error
