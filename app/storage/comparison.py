"""Comparison of two stored objects, byte for byte."""

from collections.abc import Callable
from typing import BinaryIO, Final

from app.storage.store import BlobStore

_BLOCK_BYTES: Final = 256 * 1024


def first_difference_or_none(store: BlobStore, key: str, other: str, keep: Callable[[], None]) -> int | None:
    """Return the offset of the first block in which the two objects differ; None when they are equal.

    Call ``keep`` before each block, however large the objects are. Raise what ``BlobStore.open`` raises, and OSError.
    """
    block, other_block = bytearray(_BLOCK_BYTES), bytearray(_BLOCK_BYTES)
    offset = 0
    with store.open(key) as stream, store.open(other) as other_stream:
        while True:
            keep()
            count, other_count = _fill(stream, block), _fill(other_stream, other_block)
            is_full = count == _BLOCK_BYTES
            if count != other_count or (block != other_block if is_full else block[:count] != other_block[:count]):
                return offset
            if count < _BLOCK_BYTES:
                return None
            offset += count


def _fill(stream: BinaryIO, block: bytearray) -> int:
    """Read until the block is full or the object ends; return the number of bytes read."""
    view, filled = memoryview(block), 0
    while filled < len(block) and (count := stream.readinto(view[filled:])):  # type: ignore[attr-defined]  # every driver's stream has it
        filled += count
    return filled
