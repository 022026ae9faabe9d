"""The access to the storage driver, which no thread may use while it holds a writing transaction."""

import os
from typing import BinaryIO

from app.core.errors import ContentDamaged
from app.db.database import require_no_transaction
from app.storage.driver import Capacity, ObjectWriter, StorageDriver


class BlobStore:
    """Offers ``StorageDriver``, but raises InternalError inside a writing transaction, as storage may take long."""

    __slots__ = ("driver",)

    def __init__(self, driver: StorageDriver) -> None:
        """Store objects with ``driver``."""
        self.driver = driver

    @property
    def tells_dead_writers(self) -> bool:
        """Tell whether the driver knows dead writers from live ones; see ``StorageDriver.tells_dead_writers``."""
        return self.driver.tells_dead_writers

    def append(self, key: str, offset: int) -> ObjectWriter:
        """Open the object for exclusive writing at ``offset``; create it at offset 0."""
        require_no_transaction("writing to the storage")
        return self.driver.append(key, offset)

    def put(self, key: str, content: bytes) -> None:
        """Write a new small object in one call and make it durable."""
        require_no_transaction("writing to the storage")
        self.driver.put(key, content)

    def finish(self, key: str, size: int) -> None:
        """Make the object durable; raise InternalError unless it holds exactly ``size`` bytes."""
        require_no_transaction("writing to the storage")
        self.driver.finish(key, size)

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        """Open the object for reading from ``offset``; raise NotFoundError for an unknown key."""
        require_no_transaction("reading from the storage")
        return self.driver.open(key, offset)

    def open_whole(self, key: str, size: int, offset: int = 0) -> BinaryIO:
        """Do as ``open``, but raise ContentDamaged unless the object holds exactly ``size`` bytes."""
        stream = self.open(key)
        stored = stream.seek(0, os.SEEK_END)
        if stored != size:
            stream.close()
            raise ContentDamaged(detail={"stored": stored, "expected": size})
        stream.seek(offset)
        return stream

    def size(self, key: str) -> int:
        """Return the size of the object in bytes; raise NotFoundError for an unknown key."""
        require_no_transaction("reading from the storage")
        return self.driver.size(key)

    def delete(self, key: str) -> bool:
        """Delete the object; return False when it does not exist, which is no error."""
        require_no_transaction("deleting from the storage")
        return self.driver.delete(key)

    def require_writable(self) -> None:
        """Raise StorageFull, with the reason, unless a small object can be written and deleted."""
        require_no_transaction("writing to the storage")
        self.driver.require_writable()

    def capacity(self) -> Capacity:
        """Return the total and the free bytes of the storage; raise NotFoundError where they are not known."""
        require_no_transaction("asking the storage")
        return self.driver.capacity()
