"""The storage driver that keeps objects in the memory of one process, for tests."""

import io
import threading
from typing import BinaryIO

from app.core.errors import InternalError, NotFoundError, ObjectBusy
from app.storage.driver import Capacity, require_safe_key


class MemoryDriver:
    """A storage driver whose objects are gone when the process ends."""

    def __init__(self) -> None:
        """Start without objects."""
        self._objects: dict[str, bytearray] = {}
        self._written: set[int] = set()
        """Identities of the objects that have a writer."""
        self._lock = threading.Lock()

    @property
    def tells_dead_writers(self) -> bool:
        """Return True: objects end with the only process that writes to them."""
        return True

    def append(self, key: str, offset: int) -> "_MemoryWriter":
        """Open the object for exclusive writing at ``offset``; create it at offset 0."""
        with self._lock:
            content = self._content(key) if offset else self._objects.setdefault(require_safe_key(key), bytearray())
            if id(content) in self._written:
                raise ObjectBusy(f"object {key!r} is being written by another request")
            if len(content) < offset:
                raise InternalError(f"object {key!r} holds {len(content)} bytes of {offset}")
            self._written.add(id(content))
            return _MemoryWriter(content, offset, self._written)

    def put(self, key: str, content: bytes) -> None:
        """Store the content as a new object."""
        with self._lock:
            self._objects[require_safe_key(key)] = bytearray(content)

    def finish(self, key: str, size: int) -> None:
        """Verify the size of the object; memory cannot be made durable."""
        with self._lock:
            present = len(self._content(key))
            if present != size:
                raise InternalError(f"object {key!r} holds {present} bytes instead of {size}")

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        """Open a copy of the object for reading from ``offset``."""
        with self._lock:
            stream = io.BytesIO(bytes(self._content(key)))
        stream.seek(offset)
        return stream

    def size(self, key: str) -> int:
        """Return the size of the object in bytes."""
        with self._lock:
            return len(self._content(key))

    def delete(self, key: str) -> bool:
        """Delete the object; return False when it does not exist."""
        with self._lock:
            return self._objects.pop(require_safe_key(key), None) is not None

    def require_writable(self) -> None:
        """Do nothing: memory can always be written to."""

    def capacity(self) -> Capacity:
        """Raise NotFoundError: memory has no disk."""
        raise NotFoundError("the capacity of the storage is not known")

    def _content(self, key: str) -> bytearray:
        content = self._objects.get(require_safe_key(key))
        if content is None:
            raise NotFoundError(f"no object {key!r} in the storage")
        return content


class _MemoryWriter:
    def __init__(self, content: bytearray, offset: int, written: set[int]) -> None:
        self.offset = offset
        self._content = content
        self._written = written
        self._closed = False

    def cut(self) -> None:
        del self._content[self.offset :]

    def write(self, data: memoryview) -> None:
        end = self.offset + len(data)
        self._content[self.offset : end] = data
        self.offset = end

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._written.discard(id(self._content))
