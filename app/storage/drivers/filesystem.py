"""The storage driver that keeps each object as a file below one folder."""

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
from app.storage.driver import Capacity, require_safe_key

_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})
_CHECK_KEY = "check"
"""Always the same key, so that checks leave no folders behind, and a crash leaves at most one file."""
_LOCAL = frozenset({"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "ramfs", "tmpfs", "xfs", "zfs"})
"""File systems of one kernel alone, whose locks every writer sees; other file systems may depend on a server."""
_MOUNTS = Path("/proc/self/mounts")
_WRITE_BYTES = 256 * 1024
"""Bytes of one write call: the page cache takes them in one folio; larger free folios are rare and costly."""
_EARLY_BYTES = 8 * 1024 * 1024
_WRITE = 2
"""SYNC_FILE_RANGE_WRITE: start writing to the disk, do not wait."""
_sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)
if _sync_file_range is not None:
    _sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
_logger = structlog.get_logger(__name__)


class FilesystemDriver:
    """Stores each object as the file ``<root>/<key>``.

    ``finish`` makes an object durable: it syncs the file and its folder. A new folder is synced when it is created.
    Without ``fsync`` a power cut may lose objects acknowledged in about the last half minute.
    """

    def __init__(self, root: Path, *, fsync: bool = True) -> None:
        """Store objects below ``root``, which is created with the first object."""
        self._root = root
        self._below = f"{root}/"
        self._fsync = fsync

    @functools.cached_property
    def tells_dead_writers(self) -> bool:
        """Return True on a local file system; on a network one a lock may bind one machine, or outlive its owner."""
        return _file_system(self._root) in _LOCAL

    def append(self, key: str, offset: int) -> "_FileWriter":
        """Open the object under an exclusive flock, which the kernel releases when the process ends."""
        path = self._path(key)
        with _refusals(key):
            while True:
                descriptor = self._create(path) if offset == 0 else _reopen(key, path, os.O_WRONLY)
                try:
                    deleted = _lock(key, descriptor, offset)
                except BaseException:
                    os.close(descriptor)
                    raise
                if not deleted:
                    return _FileWriter(key, descriptor, offset, early=self._fsync)
                os.close(descriptor)

    def put(self, key: str, content: bytes) -> None:
        """Write the object's file and sync it, then sync its folder."""
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
        """Verify the size of the object, then sync its file and its folder; never change it."""
        path = self._path(key)
        with _refusals(key):
            descriptor = _reopen(key, path, os.O_RDONLY)
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
        """Open the object's file, unbuffered, at ``offset``; raise NotFoundError for an unknown key."""
        try:
            file = open(f"{self._below}{require_safe_key(key)}", "rb", buffering=0)  # noqa: PTH123, SIM115 - every pull calls it, and Path.open takes twice as long
        except FileNotFoundError:
            raise _gone(key) from None
        if offset:
            file.seek(offset)
        return file

    def size(self, key: str) -> int:
        """Return the size of the object in bytes; raise NotFoundError for an unknown key."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            raise _gone(key) from None

    def delete(self, key: str) -> bool:
        """Delete the object's file, not its folder; return False when it does not exist, which is no error."""
        try:
            with _refusals(key):
                self._path(key).unlink()
        except FileNotFoundError:
            return False
        return True

    def require_writable(self) -> None:
        """Write and delete a small object; raise StorageFull, with the reason, when that fails."""
        writer = self.append(_CHECK_KEY, 0)
        try:
            writer.write(memoryview(b"check"))
        finally:
            writer.close()
            self.delete(_CHECK_KEY)

    def capacity(self) -> Capacity:
        """Return the capacity of the file system of the root folder; ``free`` excludes what is reserved for root."""
        folder = next(folder for folder in (self._root, *self._root.absolute().parents) if folder.exists())
        disk = os.statvfs(folder)
        return Capacity(total=disk.f_blocks * disk.f_frsize, free=disk.f_bavail * disk.f_frsize)

    def _path(self, key: str) -> Path:
        return self._root / require_safe_key(key)

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
    """Writes at an offset that it tracks itself; the lock on the descriptor excludes other writers."""

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
        """Start writing to the disk while more bytes arrive, so that ``finish`` waits less; it reports the errors."""
        if _sync_file_range is not None:
            _sync_file_range(descriptor, self._begun, self.offset - self._begun, _WRITE)
        self._begun = self.offset

    def _opened(self) -> int:
        if self._descriptor is None:
            raise InternalError(f"object {self._key!r} written to after its writer was closed")
        return self._descriptor


def _reopen(key: str, path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _gone(key) from None


def _lock(key: str, descriptor: int, offset: int) -> bool:
    """Lock a file of at least ``offset`` bytes against other writers; return True when it was deleted before."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ObjectBusy(f"object {key!r} is being written by another request") from None
    present = os.fstat(descriptor)
    if present.st_size < offset:
        raise InternalError(f"object {key!r} holds {present.st_size} bytes of {offset}")
    return not present.st_nlink


def _file_system(folder: Path) -> str:
    """Return the type of the file system of the folder, which need not exist yet; empty when it is not known."""
    paths = {str(folder.absolute().resolve()), *map(str, folder.absolute().resolve().parents)}
    longest, kind = "", ""
    with suppress(OSError):
        for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            _, mount_point, name, *_ = line.split(" ")
            mount_point = mount_point.replace("\\040", " ")
            if mount_point in paths and len(mount_point) >= len(longest):
                longest, kind = mount_point, name
    return kind


def _gone(key: str) -> NotFoundError:
    return NotFoundError(f"no object {key!r} in the storage")


@contextmanager
def _refusals(key: str) -> Iterator[None]:
    """Turn the system's write errors (disk full, read-only, no permission …) into StorageFull, and log them."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        _logger.error("storage_write_refused", key=key, error=error.strerror, errno=errno.errorcode[error.errno])  # noqa: TRY400 - the reason is the whole story
        raise StorageFull(f"the blob storage cannot be written: {error.strerror}", retry_after=30) from error
