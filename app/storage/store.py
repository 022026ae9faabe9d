"""The port to the bytes: one storage driver, never reached while this thread holds a writing transaction."""

import os
from typing import BinaryIO

from app.core.errors import ContentDamaged
from app.db.database import require_no_transaction
from app.storage.driver import Capacity, ObjectWriter, StorageDriver


class BlobStore:
    """Every promise of ``StorageDriver``; InternalError inside a writing transaction, because storage may take long."""

    __slots__ = ("driver",)

    def __init__(self, driver: StorageDriver) -> None:
        """Keep bytes where ``driver`` does."""
        self.driver = driver

    @property
    def tells_dead_writers(self) -> bool:
        """Whether an object's writer that died, anywhere, keeps ``append`` out no longer, and one alive still does."""
        return self.driver.tells_dead_writers

    def append(self, key: str, offset: int) -> ObjectWriter:
        """Open the object for writing at ``offset`` and keep other writers out; creates it at offset 0."""
        require_no_transaction("writing to the storage")
        return self.driver.append(key, offset)

    def put(self, key: str, content: bytes) -> None:
        """Write a small object whole, under a key that has none, and make it durable."""
        require_no_transaction("writing to the storage")
        self.driver.put(key, content)

    def finish(self, key: str, size: int) -> None:
        """Make the object durable; InternalError when it does not hold exactly ``size`` bytes."""
        require_no_transaction("writing to the storage")
        self.driver.finish(key, size)

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        """Open the object for reading from ``offset``; NotFoundError when the key is unknown."""
        require_no_transaction("reading from the storage")
        return self.driver.open(key, offset)

    def open_whole(self, key: str, size: int, offset: int = 0) -> BinaryIO:
        """As ``open``, for an object that is to hold ``size`` bytes; ContentDamaged when it holds more or fewer."""
        stream = self.open(key)
        stored = stream.seek(0, os.SEEK_END)
        if stored != size:
            stream.close()
            raise ContentDamaged(detail={"stored": stored, "expected": size})
        stream.seek(offset)
        return stream

    def size(self, key: str) -> int:
        """Bytes of the object; NotFoundError when the key is unknown."""
        require_no_transaction("reading from the storage")
        return self.driver.size(key)

    def delete(self, key: str) -> bool:
        """Remove the object; False when there was none, which is no error."""
        require_no_transaction("deleting from the storage")
        return self.driver.delete(key)

    def check(self) -> None:
        """Prove that the storage can be written to; StorageFull with the reason when not."""
        require_no_transaction("writing to the storage")
        self.driver.check()

    def capacity(self) -> Capacity:
        """How much room there is in all and left; NotFoundError where there is no telling."""
        require_no_transaction("asking the storage")
        return self.driver.capacity()
