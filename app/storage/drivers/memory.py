"""Objects in the memory of one process, for tests."""

import io
import threading
from typing import BinaryIO

from app.core.errors import InternalError, NotFoundError
from app.storage.driver import Capacity, checked_key


class MemoryDriver:
    """A storage driver that forgets everything with its process."""

    def __init__(self) -> None:
        """Start without objects."""
        self._objects: dict[str, bytearray] = {}
        self._lock = threading.Lock()

    def append(self, key: str, offset: int) -> "_MemoryWriter":
        """Open the object for writing at ``offset``, cutting any longer tail; creates it at offset 0."""
        with self._lock:
            content = self._objects.get(checked_key(key), bytearray())
            _cut(key, content, offset)
            self._objects[key] = content
            return _MemoryWriter(content)

    def finish(self, key: str, size: int) -> None:
        """Cut any longer tail; memory knows nothing more durable."""
        with self._lock:
            _cut(key, self._objects.get(checked_key(key)), size)

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        """Open a copy of the object for reading from ``offset``."""
        with self._lock:
            stream = io.BytesIO(bytes(self._content(key)))
        stream.seek(offset)
        return stream

    def size(self, key: str) -> int:
        """Bytes of the object."""
        with self._lock:
            return len(self._content(key))

    def delete(self, key: str) -> bool:
        """Remove the object; False when there was none."""
        with self._lock:
            return self._objects.pop(checked_key(key), None) is not None

    def check(self) -> None:
        """Memory can always be written to."""

    def capacity(self) -> Capacity:
        """NotFoundError: memory has no disk to look at."""
        raise NotFoundError("the capacity of the storage is not known")

    def _content(self, key: str) -> bytearray:
        content = self._objects.get(checked_key(key))
        if content is None:
            raise NotFoundError(f"no object {key!r} in the storage")
        return content


class _MemoryWriter:
    def __init__(self, content: bytearray) -> None:
        self._content = content

    @property
    def offset(self) -> int:
        return len(self._content)

    def write(self, data: memoryview) -> None:
        self._content += data

    def close(self) -> None:
        pass


def _cut(key: str, content: bytearray | None, size: int) -> None:
    if content is None or len(content) < size:
        raise InternalError(f"object {key!r} holds {len(content or b'')} bytes of {size}")
    del content[size:]
