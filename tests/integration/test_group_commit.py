"""Commits on SQLite: durable before anybody is told so, one flush for all that wait, and disks that refuse."""

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.core.errors import StorageFull
from app.db.database import Database
from app.db.numbers import LastNumber

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Disk:
    """Counts the flushes of the log, makes them wait, and refuses them."""

    def __init__(self, database: Database) -> None:
        self.log = Path(f"{database.url.database}-wal")
        self.flushes: list[int] = []
        """The number of rows that were committed when each began."""
        self.refused = 0
        self.free = threading.Event()
        self.free.set()
        self.busy = threading.Event()
        self._database = database
        self._sync = os.fdatasync

    def fdatasync(self, descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink() != self.log:
            self._sync(descriptor)
            return
        self.flushes.append(rows_in(self._database))
        self.busy.set()
        assert self.free.wait(10)
        if self.refused:
            self.refused -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._sync(descriptor)


@pytest.fixture
def disk(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(database)
    monkeypatch.setattr(os, "fdatasync", made.fdatasync)
    yield made
    made.free.set()


def add(database: Database, name: str, *, durable: bool = True) -> None:
    with database.write(durable=durable) as session:
        session.execute(sa.insert(LastNumber).values(name=name, value=1))


def rows_in(database: Database) -> int:
    return len(database.rows(sa.select(LastNumber.name)))


def test_each_is_flushed_before_it_is_told(database: Database, disk: Disk) -> None:
    for number in range(3):
        add(database, f"n{number}")
        assert len(disk.flushes) == number + 1
    assert disk.flushes == [disk.flushes[0] + number for number in range(3)]


def test_bookkeeping_does_not_wait(database: Database, disk: Disk) -> None:
    add(database, "n", durable=False)
    assert disk.flushes == []


def test_one_flush_for_all_that_came_while_the_disk_was_busy(database: Database, disk: Disk) -> None:
    before = rows_in(database)
    disk.free.clear()
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(add, database, "first")
        assert disk.busy.wait(10)
        others = [pool.submit(add, database, f"n{number}") for number in range(8)]
        while rows_in(database) < before + 9:
            assert not any(one.done() for one in others)
        disk.free.set()
        for one in (first, *others):
            one.result(10)
    assert len(disk.flushes) <= 3
    assert disk.flushes[0] == before + 1
    assert disk.flushes[-1] == before + 9


def test_a_disk_that_refuses_is_told_to_all_who_waited(database: Database, disk: Disk) -> None:
    disk.refused = 1
    with pytest.raises(StorageFull, match="does not take it"):
        add(database, "refused")
    flushed = len(disk.flushes)

    add(database, "after")

    assert len(disk.flushes) == flushed
    assert disk.log.stat().st_size == 0
    with sqlite3.connect(f"file:{database.url.database}?immutable=1", uri=True) as alone:
        found = {name for (name,) in alone.execute("SELECT name FROM last_number")}
    assert {"refused", "after"} <= found
    add(database, "as before")
    assert len(disk.flushes) == flushed + 1


def test_nobody_is_told_anything_while_the_log_cannot_be_brought_into_the_file(
    database: Database, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.database._WRITE_BACK_MS", 10)
    disk.refused = 1
    with pytest.raises(StorageFull):
        add(database, "refused")
    with database.read() as session:
        session.execute(sa.select(LastNumber)).all()
        with ThreadPoolExecutor(1) as pool, pytest.raises(StorageFull):
            pool.submit(add, database, "not yet").result(10)
    add(database, "now")


def test_a_process_that_opens_the_log_later_is_told_nothing_either(
    database: Database, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system tells a failure to those who had the file open, and to nobody after them."""
    monkeypatch.setattr("app.db.database._WRITE_BACK_MS", 10)
    add(database, "before")
    mode = disk.log.stat().st_mode
    disk.refused = 1
    with pytest.raises(StorageFull):
        add(database, "refused")
    later = Database(database.url.render_as_string())
    with database.read() as session:
        session.execute(sa.select(LastNumber)).all()
        with pytest.raises(StorageFull):
            add(later, "not yet")
    flushed = len(disk.flushes)
    add(later, "now")
    assert (disk.log.stat().st_size, disk.log.stat().st_mode, len(disk.flushes)) == (0, mode, flushed)
    add(later, "as before")
    assert len(disk.flushes) == flushed + 1
    later.dispose()


def test_another_log_is_opened_when_it_takes_the_place_of_the_first(database: Database, disk: Disk) -> None:
    add(database, "one")
    database.dispose()
    assert not disk.log.exists()
    add(database, "two")
    assert len(disk.flushes) == 2
