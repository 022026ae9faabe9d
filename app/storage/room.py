"""Reserve files on the disks, so that deletions, the garbage collection and the database still work on a full disk.

Each file system has an allocated, unused file of the configured size, at most a twentieth of the disk. New content is
accepted while that file exists and as many bytes again are free. When less than a quarter of its size is free, as
another program fills the disk, the file is deleted, so that deletions can write; it is created again when twice its
size is free. All processes check the same files, each about once a second and while content arrives.
"""

import errno
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from app.core.errors import StorageFull

RESERVE: Final = "reserve"
"""The name of the file, which no object's key and no other file in the data folder has."""
_SHARE: Final = 20
"""The largest reserve file takes this fraction of the disk: one twentieth."""
_GIVEN_UP: Final = 4
"""The reserve file is deleted when less than this fraction of its size is free: one quarter."""
_MADE_AGAIN: Final = 2
"""The reserve file is created again when this multiple of its size is free."""
_SECONDS: Final = 1.0
_LOOK_BYTES: Final = 256 * 1024
_LOOK_BYTES_AT_MOST: Final = 8 * 1024 * 1024
_LOOKS: Final = 64
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_log = structlog.get_logger(__name__)


class DiskRoom:
    """Checks the disks of an installation and keeps their reserve files, for one process."""

    def __init__(self, places: Mapping[str, Path], size: int) -> None:
        """Reserve ``size`` bytes on the disk of each folder in ``places``, purpose -> folder; 0 turns this off."""
        self._places = places
        self._size = size
        self._short: str | None = None
        self._looked = float("-inf")
        self._arrived = 0
        self._step = _LOOK_BYTES
        self._turn = threading.Lock()

    def require(self) -> None:
        """Raise StorageFull while a disk is too full for new content."""
        if self._short is not None:
            self.look()
        else:
            self.keep()
        if self._short is not None:
            message = f"the {self._short} accepts no new content: its disk is full, except for a reserve for deletions"
            raise StorageFull(message, retry_after=30)

    def guarded(self, body: Iterable[memoryview]) -> Iterator[memoryview]:
        """Yield the body's pieces; raise StorageFull as soon as the disk is full, also when other requests fill it.

        The bytes of all bodies in this process decide when the next check is due: the less is free, the sooner.
        """
        for piece in body:
            yield piece
            self._arrived += len(piece)
            if self._arrived >= self._step:
                self.look()
            self.require()

    def keep(self) -> None:
        """Check the disks when the last check is a second ago."""
        if time.monotonic() - self._looked >= _SECONDS:
            self.look()

    def look(self) -> None:
        """Check the disks now: delete reserve files, or create them again."""
        if not self._size or not self._turn.acquire(blocking=False):
            return
        try:
            self._arrived, self._step = 0, _LOOK_BYTES_AT_MOST
            self._short = next((name for name, folder in self._disks() if not self._has_room(folder)), None)
            self._looked = time.monotonic()
        finally:
            self._turn.release()

    def _disks(self) -> list[tuple[str, Path]]:
        """Return the folders that exist, one for each file system."""
        disks: dict[int, tuple[str, Path]] = {}
        for name, folder in self._places.items():
            with suppress(OSError):
                disks.setdefault(folder.stat().st_dev, (name, folder))
        return list(disks.values())

    def _has_room(self, folder: Path) -> bool:
        """Tell whether new content is accepted; delete or create the reserve file first, as the free space demands."""
        try:
            disk = os.statvfs(folder)
            size = min(self._size, disk.f_blocks * disk.f_frsize // _SHARE)
            free, kept = disk.f_bavail * disk.f_frsize, _kept(folder)
            self._step = min(self._step, max(_LOOK_BYTES, (free - size) // _LOOKS))
            if kept and free < size // _GIVEN_UP:
                _give_up(folder, kept, free)
                return False
            if kept < size and free >= size * _MADE_AGAIN - kept:
                _make(folder, size)
                return True
        except OSError as error:
            # Other errors are reported by the request that writes there; here only a full disk counts.
            return error.errno not in _FULL
        return kept >= size and free >= size


def _kept(folder: Path) -> int:
    try:
        return (folder / RESERVE).stat().st_size
    except FileNotFoundError:
        return 0


def _make(folder: Path, size: int) -> None:
    path = folder / RESERVE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError:
        os.ftruncate(descriptor, 0)
        raise
    finally:
        os.close(descriptor)
    _log.info("disk_reserve_made", path=str(path), bytes=size)


def _give_up(folder: Path, kept: int, free: int) -> None:
    path = folder / RESERVE
    with suppress(FileNotFoundError):
        os.truncate(path, 0)
        path.unlink()
    _log.warning("disk_reserve_given_up", path=str(path), bytes=kept, free=free)
