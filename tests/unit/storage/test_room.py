"""The reserve: made, kept, given up, made again."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.core.errors import StorageFull
from app.storage.room import RESERVE, DiskRoom

SIZE = 64 * 1024
TOTAL = SIZE * 1000
SetFree = Callable[[int], None]


@pytest.fixture
def set_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SetFree:
    """Decide how much is free, as if a reserve that is made or given up changed nothing."""

    def decide(free: int, total: int = TOTAL) -> None:
        disk = SimpleNamespace(f_frsize=1, f_blocks=total, f_bavail=free)
        monkeypatch.setattr(os, "statvfs", lambda _: disk)

    return decide


def kept(folder: Path) -> int:
    return (folder / RESERVE).stat().st_size if (folder / RESERVE).exists() else 0


def refused(room: DiskRoom) -> bool:
    room.look()
    try:
        room.require()
    except StorageFull as error:
        return error.retry_after == 30 and "database" in error.message
    return False


def test_it_is_made_given_up_and_made_again(tmp_path: Path, set_free: SetFree) -> None:
    room = DiskRoom({"database": tmp_path}, SIZE)
    for free, refuses, reserve in (
        (SIZE * 2 - 1, True, 0),
        (SIZE * 2, False, SIZE),
        (SIZE, False, SIZE),
        (SIZE - 1, True, SIZE),
        (SIZE // 4, True, SIZE),
        (SIZE // 4 - 1, True, 0),
        (SIZE * 2 - 1, True, 0),
        (SIZE * 2, False, SIZE),
    ):
        set_free(free)
        assert (refused(room), kept(tmp_path)) == (refuses, reserve), free
    assert (tmp_path / RESERVE).stat().st_mode & 0o777 == 0o600


def test_a_small_disk_keeps_a_twentieth(tmp_path: Path, set_free: Callable[..., None]) -> None:
    set_free(SIZE, total=SIZE)
    assert not refused(DiskRoom({"database": tmp_path}, SIZE))
    assert kept(tmp_path) == SIZE // 20


def test_one_reserve_for_each_disk_and_none_for_what_is_not_there(tmp_path: Path, set_free: SetFree) -> None:
    (tmp_path / "blobs").mkdir()
    set_free(SIZE * 10)
    room = DiskRoom({"database": tmp_path, "blobs": tmp_path / "blobs", "other": tmp_path / "missing"}, SIZE)
    assert not refused(room)
    assert (kept(tmp_path), kept(tmp_path / "blobs")) == (SIZE, 0)


def test_size_zero_keeps_nothing_and_refuses_nothing(tmp_path: Path, set_free: SetFree) -> None:
    set_free(0)
    assert not refused(DiskRoom({"database": tmp_path}, 0))
    assert list(tmp_path.iterdir()) == []


def test_a_body_ends_where_the_room_does(tmp_path: Path, set_free: SetFree) -> None:
    set_free(SIZE * 10)
    room = DiskRoom({"database": tmp_path}, SIZE)
    room.require()
    piece = memoryview(bytes(100 * 1024))
    body = room.guarded(piece for _ in range(100))
    assert len(next(body)) == len(piece)
    set_free(SIZE // 2)
    assert [len(next(body)) for _ in range(2)] == [len(piece)] * 2
    with pytest.raises(StorageFull):
        next(body)


@pytest.mark.parametrize(("free", "arrived"), [(1024**3, 8), (256 * 1024**2, 4), (SIZE * 10, 1)])
def test_it_looks_less_often_while_there_is_much_room(
    tmp_path: Path, set_free: Callable[..., None], free: int, arrived: int
) -> None:
    set_free(free, total=1024**3)
    room = DiskRoom({"database": tmp_path}, SIZE)
    room.require()
    set_free(SIZE // 2, total=1024**3)
    pieces = iter([memoryview(bytes(1024 * 1024))] * 100)
    with pytest.raises(StorageFull):
        list(room.guarded(pieces))
    assert 100 - len(list(pieces)) == arrived


def test_all_bodies_count_together(tmp_path: Path, set_free: SetFree) -> None:
    set_free(SIZE * 10)
    room = DiskRoom({"database": tmp_path}, SIZE)
    room.require()
    piece = memoryview(bytes(100 * 1024))
    bodies = [room.guarded(piece for _ in range(100)) for _ in range(3)]
    for body in bodies:
        next(body)
    set_free(SIZE // 2)
    for body in bodies[:2]:
        next(body)
    with pytest.raises(StorageFull):
        next(bodies[2])


@pytest.mark.parametrize(("number", "refuses"), [(errno.ENOSPC, True), (errno.EROFS, False), (errno.EACCES, False)])
def test_what_cannot_be_made(
    tmp_path: Path, set_free: SetFree, monkeypatch: pytest.MonkeyPatch, number: int, refuses: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    set_free(SIZE * 10)
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    assert refused(DiskRoom({"database": tmp_path}, SIZE)) is refuses


def test_it_looks_once_a_second(tmp_path: Path, set_free: SetFree) -> None:
    set_free(SIZE * 10)
    room = DiskRoom({"database": tmp_path}, SIZE)
    room.require()
    set_free(0)
    room.require()
    room.keep()
    assert kept(tmp_path) == SIZE
