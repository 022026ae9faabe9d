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
    """An object being written by the only writer that it has; the writer's owner holds the upload's lease."""

    @property
    def offset(self) -> int:
        """Bytes written so far, including those of earlier writers of this key."""
        ...

    def cut(self) -> None:
        """Drop what lies behind the offset, left by a writer that died or gave up."""
        ...

    def write(self, data: memoryview) -> None:
        """Append all of ``data``; StorageFull when there is no room or no right to write."""
        ...

    def close(self) -> None:
        """Let go of the object, keeping what was written; not durable yet. From then on another writer may come."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The room of a storage in bytes; ``free`` is what this process may still fill."""

    total: int
    free: int


class StorageDriver(Protocol):
    """Where bytes live. Keys are opaque, relative, made by ``core.ids.object_key`` and never used twice."""

    @property
    def tells_dead_writers(self) -> bool:
        """Whether an object's writer that died, anywhere, keeps ``append`` out no longer, and one alive still does."""
        ...

    def append(self, key: str, offset: int) -> ObjectWriter:
        """Open the object for writing at ``offset`` and keep every other writer out; creates it at offset 0.

        Nothing of what is stored changes before ``cut`` or ``write``, so that the caller can look at its lease in
        between. ObjectBusy while another writer has it open, in any process; NotFoundError when it is gone,
        InternalError when fewer than ``offset`` bytes are there; StorageFull when it cannot be written.
        """
        ...

    def put(self, key: str, content: bytes) -> None:
        """Write a small object whole, under a key that has none, and make it durable, with one sync of each kind.

        StorageFull when it cannot be written; what was written of it then may be there.
        """
        ...

    def finish(self, key: str, size: int) -> None:
        """Make the object durable, the one durability point of an upload, and verify its size; never changes it.

        NotFoundError when it is gone, InternalError when it holds fewer or more than ``size`` bytes; StorageFull when
        it cannot be made durable.
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
