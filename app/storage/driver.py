"""The interface of storage drivers: objects under opaque keys, written once in order, read in ranges, deleted."""

from dataclasses import dataclass
from typing import BinaryIO, Protocol

from app.core.errors import InternalError


def require_safe_key(key: str) -> str:
    """Return the key; raise InternalError for one that could lead outside the folder of a driver's objects."""
    if "\0" in key or any(part in ("", ".", "..") for part in key.split("/")):
        raise InternalError(f"invalid storage key {key!r}")
    return key


class ObjectWriter(Protocol):
    """The exclusive writer of an object; whoever uses it holds the lease of the upload session."""

    @property
    def offset(self) -> int:
        """Return the number of bytes written so far, including those of earlier writers of this key."""
        ...

    def cut(self) -> None:
        """Truncate the object to the offset: drop the bytes that an earlier, interrupted writer left after it."""
        ...

    def write(self, data: memoryview) -> None:
        """Append all of ``data``; raise StorageFull when the storage is full or not writable."""
        ...

    def close(self) -> None:
        """Close the object and allow another writer; the bytes written stay, but are not durable yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The size of a storage in bytes; ``free`` is what this process may still write."""

    total: int
    free: int


class StorageDriver(Protocol):
    """A place that stores objects. Keys are opaque and relative, made by ``core.ids.object_key``, and never reused."""

    @property
    def tells_dead_writers(self) -> bool:
        """Tell whether the driver knows dead writers from live ones, on any machine.

        If so, ``append`` raises ObjectBusy while the object's writer is alive, and succeeds once its process has ended.
        """
        ...

    def append(self, key: str, offset: int) -> ObjectWriter:
        """Open the object for exclusive writing at ``offset``; create it at offset 0.

        The stored bytes do not change before ``cut`` or ``write``, so that the caller can verify its lease in between.

        Raises: ObjectBusy while another writer has it open, in any process; NotFoundError when it does not exist;
        InternalError when it has fewer than ``offset`` bytes; StorageFull when it cannot be written.
        """
        ...

    def put(self, key: str, content: bytes) -> None:
        """Write a new small object in one call and make it durable, with one sync of the file and one of its folder.

        Raise StorageFull when it cannot be written; a part of it may be left then.
        """
        ...

    def finish(self, key: str, size: int) -> None:
        """Make the object durable and verify its size; never change it. An upload calls this once, at its end.

        Raises: NotFoundError when it does not exist; InternalError when its size is not ``size`` bytes; StorageFull
        when it cannot be made durable.
        """
        ...

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        """Open the object for reading from ``offset``; return a real file (with ``fileno``) where sendfile is possible.

        Raise NotFoundError for an unknown key.
        """
        ...

    def size(self, key: str) -> int:
        """Return the size of the object in bytes; raise NotFoundError for an unknown key."""
        ...

    def delete(self, key: str) -> bool:
        """Delete the object; return False when it does not exist, which is no error."""
        ...

    def require_writable(self) -> None:
        """Raise StorageFull, with the reason, unless a small object can be written and deleted."""
        ...

    def capacity(self) -> Capacity:
        """Return the total and the free bytes of the storage; raise NotFoundError where they are not known."""
        ...
