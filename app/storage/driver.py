"""The promise of every storage driver: objects under opaque keys, written once in order, read in ranges, deleted."""

from dataclasses import dataclass
from typing import BinaryIO, Protocol

from app.core.errors import InternalError


def checked_key(key: str) -> str:
    """Return the key; InternalError when it could leave the place where a driver keeps its objects."""
    if "\0" in key or any(part in ("", ".", "..") for part in key.split("/")):
        raise InternalError(f"invalid storage key {key!r}")
    return key


class ObjectWriter(Protocol):
    """An object being written, at one offset at a time. Not safe for two writers: the upload's lease sees to that."""

    @property
    def offset(self) -> int:
        """Bytes written so far, including those of earlier writers of this key."""
        ...

    def write(self, data: memoryview) -> None:
        """Append all of ``data``; StorageFull when there is no room or no right to write."""
        ...

    def close(self) -> None:
        """Let go of the object, keeping what was written; not durable yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The room of a storage in bytes; ``free`` is what this process may still fill."""

    total: int
    free: int


class StorageDriver(Protocol):
    """Where bytes live. Keys are opaque, relative, made by ``core.ids.object_key`` and never used twice."""

    def append(self, key: str, offset: int) -> ObjectWriter:
        """Open the object for writing at ``offset``, cutting any longer tail; creates it at offset 0.

        InternalError when fewer than ``offset`` bytes are there; StorageFull when it cannot be written.
        """
        ...

    def finish(self, key: str, size: int) -> None:
        """Make the object's ``size`` bytes durable, the one durability point of an upload; cuts any longer tail.

        InternalError when fewer bytes are there; StorageFull when they cannot be made durable.
        """
        ...

    def open(self, key: str, offset: int = 0) -> BinaryIO:
        """Open the object for reading from ``offset``; a real file (with ``fileno``) where sendfile is possible.

        NotFoundError when the key is unknown.
        """
        ...

    def size(self, key: str) -> int:
        """Bytes of the object; NotFoundError when the key is unknown."""
        ...

    def delete(self, key: str) -> bool:
        """Remove the object; False when there was none, which is no error."""
        ...

    def check(self) -> None:
        """Prove that the storage can be written to; StorageFull with the reason when not."""
        ...

    def capacity(self) -> Capacity:
        """How much room there is in all and left; NotFoundError where there is no telling."""
        ...
