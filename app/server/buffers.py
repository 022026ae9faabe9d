"""Memory that bodies pass through: a small buffer per thread, and blocks for as long as a body is read."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.registry.receive import BUFFER_BYTES

BLOCK_BYTES: Final = 1024 * 1024
_CODING_BYTES: Final = 4 * 1024
_SPARE_BLOCKS: Final = 2
_buffers = threading.local()
_blocks: list[bytearray] = []


def take_buffer() -> bytearray:
    """Take the buffer of this thread; what stands in it is valid until it is taken again."""
    buffer: bytearray | None = getattr(_buffers, "buffer", None)
    if buffer is None:
        buffer = _buffers.buffer = bytearray(BUFFER_BYTES)
    return buffer


@contextmanager
def block() -> Iterator[bytearray]:
    """Room for BLOCK_BYTES of content and what a chunked coding puts between; few are kept for those who come later."""
    try:
        taken = _blocks.pop()
    except IndexError:
        taken = bytearray(BLOCK_BYTES + _CODING_BYTES)
    try:
        yield taken
    finally:
        if len(_blocks) < _SPARE_BLOCKS:
            _blocks.append(taken)
