"""Two objects side by side, byte for byte."""

from collections.abc import Callable
from typing import BinaryIO, Final

from app.storage.store import BlobStore

_BLOCK_BYTES: Final = 256 * 1024


def first_difference(store: BlobStore, key: str, other: str, keep: Callable[[], None]) -> int | None:
    """Where the block begins in which the two objects differ; None when they are equal to the last byte.

    Calls ``keep`` before each block, however large the objects are. Errors as ``BlobStore.open``, and OSError.
    """
    one, two = bytearray(_BLOCK_BYTES), bytearray(_BLOCK_BYTES)
    offset = 0
    with store.open(key) as stream, store.open(other) as other_stream:
        while True:
            keep()
            count, other_count = _fill(stream, one), _fill(other_stream, two)
            if count != other_count or (one != two if count == _BLOCK_BYTES else one[:count] != two[:count]):
                return offset
            if count < _BLOCK_BYTES:
                return None
            offset += count


def _fill(stream: BinaryIO, block: bytearray) -> int:
    """Read until the block is full or the object ends; returns the bytes read."""
    view, at = memoryview(block), 0
    while at < len(block) and (count := stream.readinto(view[at:])):  # type: ignore[attr-defined]  # every driver's stream has it
        at += count
    return at
