"""The promises of every storage driver, one by one, and what only files can get wrong."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import InternalError, InvalidError, NotFoundError, ObjectBusy
from app.core.ids import object_key
from app.db.database import Database
from app.settings import StorageSettings
from app.storage.driver import StorageDriver
from app.storage.drivers.family import storage_driver
from app.storage.drivers.memory import MemoryDriver
from app.storage.store import BlobStore

KEY = "ab/cd/abcd"


@pytest.fixture(params=["filesystem", "filesystem without fsync", "memory"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> StorageDriver:
    name, *without = request.param.split(" ", 1)
    return storage_driver(StorageSettings(driver=name, path=tmp_path / "deep" / "blobs", fsync=not without))


def write(driver: StorageDriver, content: bytes, offset: int = 0, key: str = KEY) -> int:
    with closing(driver.append(key, offset)) as writer:
        writer.cut()
        writer.write(memoryview(content))
    return writer.offset


def read(driver: StorageDriver, offset: int = 0, key: str = KEY) -> bytes:
    with driver.open(key, offset) as stream:
        return stream.read()


class TestAppend:
    def test_creates_at_offset_zero(self, driver: StorageDriver) -> None:
        assert write(driver, b"") == 0
        assert read(driver) == b""

    def test_goes_on_where_an_earlier_writer_stopped(self, driver: StorageDriver) -> None:
        assert write(driver, b"abc") == 3
        assert write(driver, b"def", 3) == 6
        assert read(driver) == b"abcdef"

    def test_changes_nothing_before_it_is_told_to(self, driver: StorageDriver) -> None:
        write(driver, b"abcdef")
        driver.append(KEY, 2).close()
        driver.append(KEY, 0).close()
        assert read(driver) == b"abcdef"

    def test_cuts_a_longer_tail_when_asked(self, driver: StorageDriver) -> None:
        write(driver, b"abcdef")
        writer = driver.append(KEY, 2)
        writer.cut()
        writer.close()
        assert read(driver) == b"ab"
        write(driver, b"x", 0)
        assert read(driver) == b"x"

    def test_one_writer_at_a_time(self, driver: StorageDriver) -> None:
        first = driver.append(KEY, 0)
        first.write(memoryview(b"abc"))
        for offset in (0, 3):
            with pytest.raises(ObjectBusy):
                driver.append(KEY, offset)
        write(driver, b"xyz", key="ab/cd/other")
        first.close()
        second = driver.append(KEY, 3)
        first.close()
        with pytest.raises(ObjectBusy):
            driver.append(KEY, 3)
        second.close()
        assert write(driver, b"def", 3) == 6

    def test_a_deleted_object_keeps_nobody_out(self, driver: StorageDriver) -> None:
        first = driver.append(KEY, 0)
        assert driver.delete(KEY)
        assert write(driver, b"new") == 3
        first.write(memoryview(b"lost"))
        first.close()
        assert read(driver) == b"new"

    @pytest.mark.parametrize(("present", "error"), [(None, NotFoundError), (b"ab", InternalError)])
    def test_refuses_a_gap(self, driver: StorageDriver, present: bytes | None, error: type[Exception]) -> None:
        if present is not None:
            write(driver, present)
        with pytest.raises(error):
            driver.append(KEY, 3)
        assert driver.delete(KEY) is (present is not None)

    def test_offset_counts_while_writing(self, driver: StorageDriver) -> None:
        writer = driver.append(KEY, 0)
        offsets = []
        for part in (b"a", b"", b"bcd"):
            writer.write(memoryview(part))
            offsets.append(writer.offset)
        writer.close()
        assert offsets == [1, 1, 4]

    def test_close_twice(self, driver: StorageDriver) -> None:
        writer = driver.append(KEY, 0)
        writer.close()
        writer.close()

    def test_takes_a_buffer_that_is_used_again(self, driver: StorageDriver) -> None:
        buffer = bytearray(b"abc")
        writer = driver.append(KEY, 0)
        writer.write(memoryview(buffer)[:2])
        buffer[:] = b"xyz"
        writer.write(memoryview(buffer))
        writer.close()
        assert read(driver) == b"abxyz"

    @settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=st.lists(st.tuples(st.binary(max_size=200), st.floats(0, 1)), max_size=8))
    def test_any_resumes_give_what_slicing_gives(self, driver: StorageDriver, steps: list[tuple[bytes, float]]) -> None:
        key, expected = object_key(), b""
        write(driver, b"", 0, key)
        for content, share in steps:
            offset = int(len(expected) * share)
            expected = expected[:offset] + content
            assert write(driver, content, offset, key) == len(expected)
        assert read(driver, key=key) == expected


class TestFinish:
    def test_keeps_the_bytes(self, driver: StorageDriver) -> None:
        write(driver, b"abc")
        driver.finish(KEY, 3)
        assert read(driver) == b"abc"

    def test_twice(self, driver: StorageDriver) -> None:
        write(driver, b"abc")
        driver.finish(KEY, 3)
        driver.finish(KEY, 3)

    @pytest.mark.parametrize("present", [b"", b"ab", b"abcd"])
    def test_only_verifies(self, driver: StorageDriver, present: bytes) -> None:
        write(driver, present)
        for size in (0, 3, 9):
            if size == len(present):
                driver.finish(KEY, size)
            else:
                with pytest.raises(InternalError):
                    driver.finish(KEY, size)
        assert (read(driver), driver.size(KEY)) == (present, len(present))

    def test_makes_no_object(self, driver: StorageDriver) -> None:
        for size in (0, 3):
            with pytest.raises(NotFoundError):
                driver.finish(KEY, size)
        with pytest.raises(NotFoundError):
            driver.size(KEY)

    def test_a_late_one_leaves_a_writer_alone(self, driver: StorageDriver) -> None:
        write(driver, b"abc")
        writer = driver.append(KEY, 3)
        writer.write(memoryview(b"def"))
        with pytest.raises(InternalError):
            driver.finish(KEY, 3)
        writer.write(memoryview(b"ghi"))
        writer.close()
        driver.finish(KEY, 9)
        assert read(driver) == b"abcdefghi"


class TestOpen:
    @pytest.mark.parametrize(("offset", "expected"), [(0, b"abcdef"), (2, b"cdef"), (6, b""), (9, b"")])
    def test_from_an_offset(self, driver: StorageDriver, offset: int, expected: bytes) -> None:
        write(driver, b"abcdef")
        assert read(driver, offset) == expected

    def test_reads_parts_into_buffers(self, driver: StorageDriver) -> None:
        write(driver, b"abcdef")
        with driver.open(KEY) as stream:
            assert (stream.read(2), stream.read(2), stream.read(9), stream.read(1)) == (b"ab", b"cd", b"ef", b"")

    def test_goes_on_after_the_object_is_deleted(self, driver: StorageDriver) -> None:
        write(driver, b"abcdef")
        with driver.open(KEY) as stream:
            driver.delete(KEY)
            assert stream.read() == b"abcdef"

    def test_unknown_key(self, driver: StorageDriver) -> None:
        with pytest.raises(NotFoundError):
            driver.open(KEY)


class TestSizeAndDelete:
    def test_size(self, driver: StorageDriver) -> None:
        write(driver, b"abc")
        assert driver.size(KEY) == 3
        with pytest.raises(NotFoundError):
            driver.size("ab/cd/other")

    def test_delete(self, driver: StorageDriver) -> None:
        write(driver, b"abc")
        assert (driver.delete(KEY), driver.delete(KEY), driver.delete("zz/zz/zz")) == (True, False, False)
        with pytest.raises(NotFoundError):
            driver.size(KEY)

    def test_keys_do_not_touch_each_other(self, driver: StorageDriver) -> None:
        write(driver, b"abc")
        write(driver, b"xyz", key="ab/cd/other")
        driver.delete(KEY)
        assert read(driver, key="ab/cd/other") == b"xyz"


def test_check_leaves_nothing(driver: StorageDriver, tmp_path: Path) -> None:
    driver.require_writable()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_capacity_of_a_disk(tmp_path: Path) -> None:
    found = storage_driver(StorageSettings(driver="filesystem", path=tmp_path / "not" / "yet", fsync=True)).capacity()
    assert found.total == shutil.disk_usage(tmp_path).total
    assert 0 < found.free < found.total


def test_capacity_of_what_has_none() -> None:
    with pytest.raises(NotFoundError):
        MemoryDriver().capacity()


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../outside", "a/../../outside", "a//b", "a/./b", "a/", "a\0b", ".", ".."]
)
def test_keys_that_would_leave_the_storage(driver: StorageDriver, key: str) -> None:
    for use in (
        lambda: driver.append(key, 0),
        lambda: driver.finish(key, 0),
        lambda: driver.open(key),
        lambda: driver.size(key),
        lambda: driver.delete(key),
    ):
        with pytest.raises(InternalError):
            use()


def test_unknown_driver(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="filesystem, memory"):
        storage_driver(StorageSettings(driver="tape", path=tmp_path, fsync=True))


def test_the_store_refuses_inside_a_writing_transaction(tmp_path: Path) -> None:
    store, database = BlobStore(MemoryDriver()), Database(f"sqlite:///{tmp_path}/test.db")
    uses = (
        lambda: store.append(KEY, 0),
        lambda: store.finish(KEY, 0),
        lambda: store.open(KEY),
        lambda: store.size(KEY),
        lambda: store.delete(KEY),
        store.require_writable,
        store.capacity,
    )
    with database.write():
        for use in uses:
            with pytest.raises(InternalError, match="inside a writing transaction"):
                use()
    store.require_writable()
    database.dispose()
