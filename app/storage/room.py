"""Room kept back on the disks, so that a full disk has a way out: deletions, the collection and the database go on.

Each file system holds a file of nothing but room, as large as the setting says, at most a twentieth of the disk. New
content is taken while that file is there and as much again is free. When less than a quarter of it is left (something
else fills the disk), the file is given up, so that what frees room can write; it is made again when there is room for
twice its size. Several processes look at the same files; each looks at most once a second, and while content arrives.
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
"""Name of the file; no object's key and nothing in the data folder is called so."""
_SHARE: Final = 20
_GIVEN_UP: Final = 4
_MADE_AGAIN: Final = 2
_SECONDS: Final = 1.0
_LOOK_BYTES: Final = 256 * 1024
_LOOK_BYTES_AT_MOST: Final = 8 * 1024 * 1024
_LOOKS: Final = 64
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_log = structlog.get_logger(__name__)


class DiskRoom:
    """The reserves of one installation, as one process sees and keeps them."""

    def __init__(self, places: Mapping[str, Path], size: int) -> None:
        """Keep ``size`` bytes on the disk of each folder (by what it is for); 0 keeps none and refuses nothing."""
        self._places = places
        self._size = size
        self._short: str | None = None
        self._looked = float("-inf")
        self._arrived = 0
        self._step = _LOOK_BYTES
        self._turn = threading.Lock()

    def require(self) -> None:
        """Raise StorageFull while a disk has no room for more content."""
        if self._short is not None:
            self.look()
        else:
            self.keep()
        if self._short is not None:
            message = f"the {self._short} takes no more content: its disk is full, but for what deletions need"
            raise StorageFull(message, retry_after=30)

    def guarded(self, body: Iterable[memoryview]) -> Iterator[memoryview]:
        """Yield the body's pieces; StorageFull as soon as the disk is full, though other requests fill it.

        All bodies of this process together bring about a look, the more often the less room is left.
        """
        for piece in body:
            yield piece
            self._arrived += len(piece)
            if self._arrived >= self._step:
                self.look()
            self.require()

    def keep(self) -> None:
        """Look after the reserves when that was a second ago; takes no time else."""
        if time.monotonic() - self._looked >= _SECONDS:
            self.look()

    def look(self) -> None:
        """Look at the disks now: give reserves up, or make them again."""
        if not self._size or not self._turn.acquire(blocking=False):
            return
        try:
            self._arrived, self._step = 0, _LOOK_BYTES_AT_MOST
            self._short = next((name for name, folder in self._disks() if not self._has_room(folder)), None)
            self._looked = time.monotonic()
        finally:
            self._turn.release()

    def _disks(self) -> list[tuple[str, Path]]:
        """The folders that are there, one of each file system."""
        disks: dict[int, tuple[str, Path]] = {}
        for name, folder in self._places.items():
            with suppress(OSError):
                disks.setdefault(folder.stat().st_dev, (name, folder))
        return list(disks.values())

    def _has_room(self, folder: Path) -> bool:
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
            # What cannot be looked at or written is told by who writes there; here only room counts.
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
